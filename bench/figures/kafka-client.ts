/** (kafka-client) Filling the spools with kafkajs, and with @platformatic/kafka behind the same port; what is spooled is settled at once. */
import { openKafkaLab } from '../support/kafka.ts';
import { openLab } from '../support/lab.ts';
import type { Options } from '../support/options.ts';
import { type Figure, load, type Row } from '../support/report.ts';
import { type Lap, peerLap } from '../support/stages.ts';

const PARTITIONS = 12;
const TOPIC = 'records';
const CLIENTS = ['kafkajs', 'platformatic'] as const;

export async function kafkaClients(options: Options): Promise<Figure> {
  const before = load();
  const total = options.records * 10;
  const [lab, kafka] = [await openLab(), await openKafkaLab()];
  await kafka.fill(TOPIC, PARTITIONS, total);
  const laps: Record<(typeof CLIENTS)[number], Lap[]> = { kafkajs: [], platformatic: [] };
  for (let n = 0; n < options.repeats; n++) {
    for (const which of CLIENTS) {
      const args = [which, lab.server.url, kafka.bootstrap, TOPIC, `${which}-${n}`, total];
      const pids = (feed: number) => ({ feed: [feed], redis: [lab.server.pid], broker: [kafka.broker.pid] });
      laps[which].push(await peerLap('kafka-feed.ts', args, pids));
    }
    options.progress(`repeat ${n + 1}`);
  }
  await Promise.all([lab.close(), kafka.close()]);
  const rows = CLIENTS.flatMap((which): Row[] => [
    { name: which, unit: 'records/s', values: laps[which].map((lap) => lap.recordsPerSecond) },
    ...['feed', 'redis', 'broker'].map((stage) => ({
      ...{ name: `${which}: CPU, ${stage}`, unit: 's per million', values: laps[which].map((lap) => lap.cpu[stage]!) },
    })),
  ]);
  return {
    ...{ id: 'kafka-client', title: `${PARTITIONS} partitions, ${total} records of 200 bytes into their spools`, rows },
    ...{ notes: [], load: [before, load()] },
  };
}
