/** worker_threads, cluster and v8, as far as they tell a lone process about itself. */
import { hooks } from '../host.ts';
import { unsupported } from './unsupported.ts';

export const workerThreads = unsupported('worker_threads', {
  isMainThread: true,
  isInternalThread: false,
  threadId: 0,
  threadName: '',
  parentPort: null,
  workerData: null,
  resourceLimits: {},
  SHARE_ENV: Symbol.for('nodejs.worker_threads.SHARE_ENV'),
  getEnvironmentData: () => undefined,
  setEnvironmentData: () => undefined,
  markAsUntransferable: () => undefined,
  isMarkedAsUntransferable: () => false,
});

export const cluster = unsupported('cluster', {
  isMaster: true,
  isPrimary: true,
  isWorker: false,
  workers: {},
  settings: {},
});

function getHeapStatistics() {
  const { heapTotal, heapUsed, external, limit } = hooks.heapStatistics();
  return {
    total_heap_size: heapTotal,
    total_heap_size_executable: 0,
    total_physical_size: heapTotal,
    total_available_size: Math.max(0, limit - heapUsed),
    used_heap_size: heapUsed,
    heap_size_limit: limit,
    malloced_memory: 0,
    peak_malloced_memory: 0,
    does_zap_garbage: 0,
    number_of_native_contexts: 1,
    number_of_detached_contexts: 0,
    total_global_handles_size: 0,
    used_global_handles_size: 0,
    external_memory: external,
  };
}

export const v8 = unsupported('v8', {
  getHeapStatistics,
  cachedDataVersionTag: () => 0,
});
