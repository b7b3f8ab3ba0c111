import { describe, expect, it } from 'vitest';
import { createMetrics } from '../../src/observe/metrics.ts';

const NOTHING = { succeeded: 0, expired: 0, givenUp: 0, filtered: 0, lostBySource: 0 };

const NONE = { timeout: 0, outOfMemory: 0, exit: 0, protocol: 0, startFailed: 0 };

/** Samples by name and labels, as a scraper reads them. */
async function samples(metrics: ReturnType<typeof createMetrics>): Promise<Map<string, number>> {
  const lines = (await metrics.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  );
}

describe('metrics', () => {
  it('has exactly the metrics of the contract', async () => {
    const metrics = createMetrics();
    const families = [...(await metrics.text()).matchAll(/^# TYPE (\S+) (\S+)$/gm)].map((m) => `${m[1]} ${m[2]}`);
    expect(families.toSorted()).toEqual([
      'millrace_blocked_shards gauge',
      'millrace_children_lost_total counter',
      'millrace_cold_starts_total counter',
      'millrace_fenced_total counter',
      'millrace_invocation_duration_seconds histogram',
      'millrace_invocations_total counter',
      'millrace_iterator_age_seconds gauge',
      'millrace_lag_records gauge',
      'millrace_oldest_unsettled_seconds gauge',
      'millrace_outbox_messages gauge',
      'millrace_outbox_sent_total counter',
      'millrace_records_settled_total counter',
      'millrace_retries_total counter',
      'millrace_sandbox_rss_bytes gauge',
      'millrace_takeovers_total counter',
    ]);
    expect(metrics.contentType).toMatch(/^text\/plain/);
  });

  it('counts what happened under the labels of the contract', async () => {
    const metrics = createMetrics();
    metrics.settled('m', { ...NOTHING, succeeded: 3, givenUp: 1 });
    metrics.settled('m', { ...NOTHING, succeeded: 2, lostBySource: 7 });
    metrics.invoked('f', { kind: 'ok', report: { durationMs: 20, initDurationMs: 5 } });
    metrics.invoked('f', { kind: 'ok', report: { durationMs: 1 } }, 'partial');
    metrics.invoked('f', { kind: 'ok' }, 'error');
    metrics.invoked('f', { kind: 'function-error', metric: 'timeout', report: { durationMs: 3_000 } });
    metrics.invoked('f', { kind: 'infrastructure' });
    metrics.throttled('f');
    metrics.invoked('f', { kind: 'infrastructure', throttled: true });
    metrics.retried('m');
    metrics.takenOver('m');
    metrics.fenced('m');
    const got = await samples(metrics);
    const expected = {
      'millrace_records_settled_total{mapping="m",outcome="succeeded"}': 5,
      'millrace_records_settled_total{mapping="m",outcome="given_up"}': 1,
      'millrace_records_settled_total{mapping="m",outcome="lost_by_source"}': 7,
      'millrace_invocations_total{function="f",outcome="ok"}': 1,
      'millrace_invocations_total{function="f",outcome="partial"}': 1,
      'millrace_invocations_total{function="f",outcome="error"}': 1,
      'millrace_invocations_total{function="f",outcome="timeout"}': 1,
      'millrace_invocations_total{function="f",outcome="killed"}': 1,
      'millrace_invocations_total{function="f",outcome="throttled"}': 2,
      'millrace_cold_starts_total{function="f"}': 1,
      'millrace_invocation_duration_seconds_count{function="f"}': 3,
      'millrace_invocation_duration_seconds_sum{function="f"}': 3.021,
      'millrace_retries_total{mapping="m"}': 1,
      'millrace_takeovers_total{mapping="m"}': 1,
      'millrace_fenced_total{mapping="m"}': 1,
    };
    for (const [name, value] of Object.entries(expected)) expect([name, got.get(name)]).toEqual([name, value]);
  });

  it('shows gauges only of what this daemon watches, and the memory of its children at each scrape', async () => {
    const metrics = createMetrics();
    metrics.watched('m', { lagRecords: 5, iteratorAgeMs: 1_500, blockedShards: 1, oldestUnsettledMs: 2_000 });
    let rssBytes = 10;
    metrics.sandboxes(() => [
      { function: 'f', rssBytes, lost: { ...NONE, timeout: 2 } },
      { function: 'g', rssBytes: 1, lost: NONE },
    ]);
    const before = await samples(metrics);
    expect(before.get('millrace_lag_records{mapping="m"}')).toBe(5);
    expect(before.get('millrace_iterator_age_seconds{mapping="m"}')).toBe(1.5);
    expect(before.get('millrace_oldest_unsettled_seconds{mapping="m"}')).toBe(2);
    expect(before.get('millrace_sandbox_rss_bytes{function="f"}')).toBe(10);
    expect(before.get('millrace_children_lost_total{function="f",reason="timeout"}')).toBe(2);
    expect(before.get('millrace_children_lost_total{function="g",reason="start_failed"}')).toBe(0);
    metrics.unwatched('m');
    rssBytes = 20;
    const after = await samples(metrics);
    expect(after.has('millrace_lag_records{mapping="m"}')).toBe(false);
    expect(after.get('millrace_sandbox_rss_bytes{function="f"}')).toBe(20);
  });

  it('lets the counters of known names begin at 0', async () => {
    const metrics = createMetrics();
    metrics.introduce({ mappings: ['m'], functions: ['f'] });
    const got = await samples(metrics);
    expect(got.get('millrace_records_settled_total{mapping="m",outcome="expired"}')).toBe(0);
    expect(got.get('millrace_invocations_total{function="f",outcome="out_of_memory"}')).toBe(0);
  });
});
