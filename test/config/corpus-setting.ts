/** The environment, the moment and the machine that every case of the corpus is read in. */
export const CORPUS_ENV = {
  SECRET_VALUE: 's3cr3t-of-the-environment',
  REDIS_WITH_PASSWORD: 'redis://:s3cr3t-of-redis@127.0.0.1:0',
  SHORT: 'abc',
  EMPTY: '',
  NAME: 'enrich',
  NUMBER: '250',
  BIG: '99999',
  WORD: 'several',
  YES: 'true',
};

export const CORPUS_OPTIONS = { nowMs: Date.parse('2026-11-23T08:00:00Z'), memoryBytes: 4 * 1024 ** 3 };

/** Whatever is wrong with a file, no diagnostic repeats one of these. */
export const NEVER_SHOWN = ['s3cr3t', 'never-show-this', 'never/show', '12345678', '98765432198'];
