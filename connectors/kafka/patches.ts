/** What is changed inside kafkajs 2.2.4, because it cannot be had from outside. */
import { createRequire } from 'node:module';
import { KAFKA_HEARTBEAT_WAIT_MS } from '../../src/kafka-limits.ts';
import { type AbortedTransaction, abortedRecords, type FetchedRecord } from './aborted.ts';

interface RequestQueue {
  readonly pending: readonly unknown[];
  readonly throttledUntil: number;
  scheduleCheckPendingRequests(): void;
}

interface ConsumerGroup {
  heartbeat(options: { readonly interval: number }): Promise<void>;
}

interface Handshake {
  readonly response: { parse(answer: Answer): Promise<unknown> };
}

interface Answer {
  readonly errorCode: number;
  readonly enabledMechanisms: readonly string[];
}

interface Broker {
  fetch(request: unknown): Promise<{
    readonly responses: readonly {
      readonly partitions: readonly {
        readonly messages: readonly FetchedRecord[];
        abortedTransactions: readonly AbortedTransaction[] | null | undefined;
      }[];
    }[];
  }>;
}

interface Cluster {
  readonly brokerPool: { withBroker(ask: (one: unknown) => Promise<unknown>): Promise<unknown> };
  findGroupCoordinatorMetadata(asked: unknown): Promise<unknown>;
}

interface SaslAuthenticator {
  saslHandshake: (asked: { readonly mechanism: string }) => Handshake;
  authenticate(): Promise<void>;
}

/** `code` of the error. */
export const NOT_OFFERED = 'SASL_MECHANISM_NOT_OFFERED';
const UNSUPPORTED_SASL_MECHANISM = 33;

const require = createRequire(import.meta.url);
let patched = false;

export function patchKafkajs(): void {
  if (patched) return;
  patched = true;
  quietTimers();
  impatientHeartbeats();
  namedMechanisms();
  allThatWasAborted();
  namedRefusals();
}

/**
 * Where transactions of several producers overlap in a partition, it hands out records of aborted ones: it takes the broker's list for one
 * in the order of the beginnings, enters one transaction for each record at most, and takes a record whose key is four zero bytes for a
 * marker. So they are told apart here, and look to it like markers, which it passes over.
 */
function allThatWasAborted(): void {
  const { prototype } = require('kafkajs/src/broker') as { readonly prototype: Broker };
  const { fetch } = prototype;
  prototype.fetch = async function (this: Broker, request) {
    const answer = await fetch.call(this, request);
    for (const { partitions } of answer.responses)
      for (const partition of partitions) {
        for (const record of abortedRecords(partition.messages, partition.abortedTransactions ?? []))
          record.isControlRecord = true;
        partition.abortedTransactions = [];
      }
    return answer;
  };
}

/**
 * It asks for a timer in the past whenever a request is answered and none waits, and Node warns of it on the daemon's standard error
 * (TimeoutNegativeWarning). With nothing waiting there is nothing to come back for.
 */
function quietTimers(): void {
  const { prototype } = require('kafkajs/src/network/requestQueue') as { readonly prototype: RequestQueue };
  const { scheduleCheckPendingRequests: schedule } = prototype;
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue) {
    if (this.pending.length > 0 || this.throttledUntil > Date.now()) schedule.call(this);
  };
}

/**
 * All fetching waits for the heartbeat. The coordinator answers one only when what was committed before it is on all copies of the group's
 * offsets: after 5 s, with an error, while a broker with such a copy is away. So fetching goes on after a while; the heartbeat is on its
 * way, the next call waits for the same one, and what it fails with the next one will fail with, too.
 */
function impatientHeartbeats(): void {
  const { prototype } = require('kafkajs/src/consumer/consumerGroup') as { readonly prototype: ConsumerGroup };
  const { heartbeat } = prototype;
  prototype.heartbeat = async function (this: ConsumerGroup, options) {
    const beat = heartbeat.call(this, options);
    beat.catch(() => undefined);
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => (timer = setTimeout(resolve, KAFKA_HEARTBEAT_WAIT_MS)));
    await Promise.race([beat, late]).finally(() => clearTimeout(timer));
  };
}

/** Of what brokers answered who were asked for a coordinator it keeps nothing but that there is none; e.g. a right may be missing. */
function namedRefusals(): void {
  const { prototype } = require('kafkajs/src/cluster') as { readonly prototype: Cluster };
  const { findGroupCoordinatorMetadata: find } = prototype;
  prototype.findGroupCoordinatorMetadata = async function (this: Cluster, asked) {
    let answered: unknown;
    const withBroker: Cluster['brokerPool']['withBroker'] = (ask) =>
      this.brokerPool.withBroker(async (one) => {
        try {
          return await ask(one);
        } catch (error) {
          answered = error;
          throw error;
        }
      });
    try {
      return await find.call(Object.create(this, { brokerPool: { value: { withBroker } } }) as Cluster, asked);
    } catch (error) {
      if (error instanceof Error) error.cause ??= answered;
      throw error;
    }
  };
}

/** A broker that does not know the mechanism says which ones it knows; kafkajs keeps that to itself. */
function namedMechanisms(): void {
  const { prototype } = require('kafkajs/src/broker/saslAuthenticator') as { readonly prototype: SaslAuthenticator };
  const { KafkaJSSASLAuthenticationError: Refused } = require('kafkajs') as {
    readonly KafkaJSSASLAuthenticationError: new (message: string) => Error;
  };
  const { authenticate } = prototype;
  prototype.authenticate = function (this: SaslAuthenticator) {
    const handshake = this.saslHandshake;
    this.saslHandshake = (asked) => {
      const call = handshake(asked);
      const parse = (answer: Answer) => {
        if (answer.errorCode !== UNSUPPORTED_SASL_MECHANISM) return call.response.parse(answer);
        const error = new Refused(notOffered(asked.mechanism, answer.enabledMechanisms));
        return Promise.reject(Object.assign(error, { code: NOT_OFFERED }));
      };
      return { ...call, response: { ...call.response, parse } };
    };
    return authenticate.call(this);
  };
}

/** In the words of `sasl.mechanism`. */
function notOffered(mechanism: string, offered: readonly string[]): string {
  const names = offered.map((name) => name.toLowerCase()).toSorted();
  return `the broker does not offer sasl.mechanism ${mechanism.toLowerCase()}; it offers: ${names.join(', ') || 'none'}`;
}
