/** The mapping of a configuration that a command acts on. */
import { MillraceError } from '../errors.ts';
import type { Config, MappingConfig } from '../mapping/types.ts';

/** @throws MillraceError `mapping-not-found` */
export function mappingNamed(config: Config, name: string): MappingConfig {
  const mapping = config.mappings.get(name);
  if (mapping) return mapping;
  throw new MillraceError('mapping-not-found', `mapping ${name}: the configuration has no mapping of that name`, {
    hint: `it has ${[...config.mappings.keys()].join(', ') || 'none'}`,
  });
}
