/**
 * Kafka's own producer as a process that writes at a steady rate: unlike kafkajs' it goes on with the other partitions while the leader of
 * one is away, so that a pause that is seen is not its own. What it wrote is told by the log.
 */
import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type BrokerPlace, jvm } from './broker.ts';

const FOR_EVER = 1_000_000_000;

export interface SteadyWriter {
  /** Resolves when it is gone; what it had not sent by then is not in the log. */
  stop(): Promise<void>;
}

export async function startSteadyWriter(
  place: BrokerPlace,
  spec: {
    readonly brokers: readonly string[];
    readonly topic: string;
    readonly perSecond: number;
    /** One of them is chosen for each record. */
    readonly values: readonly string[];
  },
): Promise<SteadyWriter> {
  const file = path.join(place.dir, 'values.txt');
  await writeFile(file, spec.values.join('\n'));
  // A batch of its own for each record, on whichever partition has a leader. A broker answers a connection's requests in turn: to wait for
  // copies on a broker that is away would hold up what has none there.
  const settings = [
    ...['acks=1', 'enable.idempotence=false', 'linger.ms=0', 'batch.size=1'],
    'partitioner.availability.timeout.ms=200',
  ];
  const sizes = ['--num-records', String(FOR_EVER), '--throughput', String(spec.perSecond), '--payload-file', file];
  const child = spawn(
    'java',
    [
      ...['-Xmx64m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', ...(await jvm(place))],
      ...['org.apache.kafka.tools.ProducerPerformance', '--topic', spec.topic, ...sizes],
      ...['--bootstrap-server', spec.brokers.join(','), '--command-property', ...settings],
    ],
    { stdio: 'ignore' },
  );
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  return {
    async stop() {
      child.kill('SIGTERM');
      await gone;
    },
  };
}
