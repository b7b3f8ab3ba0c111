/** Real Kafka brokers (KRaft: one node, or a few that form a cluster) as processes of their own, on free ports, with small heaps. */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { existsSync, openSync } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import { classArchive, kafkaJars } from './jars.ts';
import { makeCertificates, PASSWORD, type SecurePorts, secureProperties, USER } from './secure.ts';

const run = promisify(execFile);
const START_MS = 60_000;
/** What a tool may print. */
const TOOL_BYTES_MAX = 512 * 1024 * 1024;
/** Quick to start; slower than usual where much is to be done. */
const SMALL = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'];
const scram = ['SCRAM-SHA-256', 'SCRAM-SHA-512'];
const CLUSTER = 'millrace-test-cluster0';

export interface BrokerPlace {
  /** Its data and log; survives a restart. */
  readonly dir: string;
  readonly port: number;
  readonly controllerPort: number;
  readonly id: number;
  /** Of all nodes, its own among them. */
  readonly controllerPorts: readonly number[];
  /** With TLS and logins as well, at these ports. */
  readonly secure?: SecurePorts;
}

export interface Broker extends BrokerPlace {
  readonly pid: number;
  readonly process: ChildProcess;
}

const LOG4J = `<Configuration status="WARN"><Appenders><Console name="C"><PatternLayout pattern="%d{ISO8601} %m%n"/></Console></Appenders>
<Loggers><Root level="WARN"><AppenderRef ref="C"/></Root><Logger name="kafka.server.KafkaRaftServer" level="INFO"/></Loggers></Configuration>`;

function properties(place: BrokerPlace): string {
  const { dir, id, controllerPorts } = place;
  const voters = controllerPorts.map((port, index) => `${index + 1}@127.0.0.1:${port}`);
  const own = ['offsets.topic', 'transaction.state.log', 'share.coordinator.state.topic'];
  return [
    ...['process.roles=broker,controller', `node.id=${id}`, 'controller.listener.names=CONTROLLER'],
    ...[`controller.quorum.voters=${voters.join(',')}`, 'inter.broker.listener.name=PLAINTEXT'],
    ...listeners(place),
    `log.dirs=${path.join(dir, 'data')}`,
    ...own.flatMap((topic) => [`${topic}.replication.factor=${voters.length}`, `${topic}.num.partitions=4`]),
    ...['transaction.state.log.min.isr=1', 'share.coordinator.state.topic.min.isr=1'],
    ...['group.initial.rebalance.delay.ms=0', 'auto.create.topics.enable=false'],
    // Tests that trim and compact cannot wait for the usual minutes.
    ...['log.retention.check.interval.ms=1000', 'log.cleaner.backoff.ms=500', 'log.segment.delete.delay.ms=500'],
    ...['message.max.bytes=8000000', 'replica.fetch.max.bytes=8000000'],
  ].join('\n');
}

function listeners({ dir, port, controllerPort, secure }: BrokerPlace): string[] {
  const more = secure ? Object.entries(secure).map(([name, at]) => `${name}://127.0.0.1:${at}`) : [];
  const open = [`PLAINTEXT://127.0.0.1:${port}`, ...more];
  const protocols = 'CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT';
  return [
    `listeners=${[...open, `CONTROLLER://127.0.0.1:${controllerPort}`].join(',')}`,
    `advertised.listeners=${open.join(',')}`,
    ...(secure ? secureProperties(dir, protocols) : [`listener.security.protocol.map=${protocols}`]),
  ];
}

/** Makes a place for a broker, formatted and ready to be started. */
export async function newBrokerPlace(dir: string, secured = false): Promise<BrokerPlace> {
  const [port, controllerPort, tls, mutual, login, plainly] = await freePorts(6);
  const secure = { SSL: tls!, MUTUAL: mutual!, LOGIN: login!, PLAINLY: plainly! };
  const ports = { port: port!, controllerPort: controllerPort!, controllerPorts: [controllerPort!] };
  const place = { dir, id: 1, ...ports, ...(secured && { secure }) };
  await format(place);
  return place;
}

/** Of a cluster in which each is broker and controller, and the cluster's own topics lie on all of them. */
export async function newClusterPlaces(dir: string, count: number): Promise<BrokerPlace[]> {
  const ports = await freePorts(2 * count);
  const controllerPorts = ports.slice(count);
  const places = controllerPorts.map((controllerPort, index) => ({
    ...{ dir: path.join(dir, `broker-${index + 1}`), id: index + 1 },
    ...{ port: ports[index]!, controllerPort, controllerPorts },
  }));
  await Promise.all(places.map(format));
  return places;
}

async function format(place: BrokerPlace): Promise<void> {
  const { dir, secure: secured } = place;
  await mkdir(dir, { recursive: true });
  if (secured) await makeCertificates(dir);
  await writeFile(path.join(dir, 'server.properties'), properties(place));
  await writeFile(path.join(dir, 'log4j2.xml'), LOG4J);
  await java(place, 'kafka.tools.StorageTool', [
    ...['format', '-t', CLUSTER, '-c', path.join(dir, 'server.properties')],
    ...(secured
      ? scram.flatMap((mechanism) => ['--add-scram', `${mechanism}=[name=${USER},password=${PASSWORD}]`])
      : []),
  ]);
}

/**
 * With it brokers and tools start in half the time and CPU (4.3 s and 2.2 s of CPU for a broker, 3.3 s and 1.2 s to format its directory). A broker
 * that starts and ends is what it is made of, once for all runs.
 */
export async function makeClassArchive(dir: string): Promise<void> {
  const archive = await classArchive();
  if (existsSync(archive)) return;
  const fresh = path.join(dir, 'classes.jsa');
  const broker = await startBroker(await newBrokerPlace(dir), false, [`-XX:ArchiveClassesAtExit=${fresh}`]);
  await stopBroker(broker);
  await rename(fresh, archive);
}

/** Resolves when it serves. `detached`: it outlives this process. */
export async function startBroker(place: BrokerPlace, detached = false, more: readonly string[] = []): Promise<Broker> {
  const logFile = path.join(place.dir, `broker-${Date.now()}.log`);
  const out = openSync(logFile, 'a');
  const args = [...SMALL, ...more, ...(await jvm(place)), 'kafka.Kafka', path.join(place.dir, 'server.properties')];
  const child = spawn('java', args, { detached, stdio: ['ignore', out, out] });
  if (detached) child.unref();
  const until = performance.now() + START_MS;
  for (;;) {
    const text = await readFile(logFile, 'utf8');
    if (text.includes('Kafka Server started')) return { ...place, pid: child.pid!, process: child };
    if (child.exitCode !== null || performance.now() > until) throw new Error(`no broker: ${text.slice(-3_000)}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

export async function stopBroker(broker: Broker, signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
  const gone = new Promise((resolve) => broker.process.once('exit', resolve));
  if (broker.process.exitCode !== null || broker.process.signalCode !== null) return;
  broker.process.kill(signal);
  await gone;
}

/** One of Kafka's own command-line tools; what it printed. `flags`: of the virtual machine. */
export async function java(
  place: Pick<BrokerPlace, 'dir'>,
  tool: string,
  args: readonly string[],
  flags: readonly string[] = SMALL,
): Promise<string> {
  const { stdout } = await run('java', [...flags, ...(await jvm(place)), tool, ...args], {
    timeout: START_MS,
    maxBuffer: TOOL_BYTES_MAX,
  });
  return stdout;
}

export async function jvm({ dir }: Pick<BrokerPlace, 'dir'>): Promise<string[]> {
  const archive = await classArchive();
  // What Java has to say of an archive would be among what a tool prints.
  const classes = existsSync(archive) ? [`-XX:SharedArchiveFile=${archive}`, '-Xlog:disable'] : [];
  const log4j = `-Dlog4j2.configurationFile=${path.join(dir, 'log4j2.xml')}`;
  return [...classes, log4j, '-cp', path.join(await kafkaJars(), '*')];
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, '127.0.0.1'));
  await Promise.all(servers.map((server) => new Promise((resolve) => server.once('listening', resolve))));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
