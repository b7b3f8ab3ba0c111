/** Fields that are known but not supported yet: refused, unless they are set to AWS's "off". */
import { z } from 'zod';
import type { Report } from './report.ts';
import { type Schema, metaOf, step } from './schema-walk.ts';
import { type Path, type TreeNode, toData } from './tree.ts';

export function reportLater(schema: Schema, node: TreeNode, path: Path, report: Report): void {
  const later = metaOf(schema)?.later;
  if (later !== undefined) {
    if (node.kind === 'scalar' && node.broken) return;
    const value = toData(node);
    // A value that is no good at all has been reported as such.
    if (later.isOff(value) || !z.safeParse(schema, value).success) return;
    report.add({
      code: 'not-supported-yet',
      path,
      at: node.at,
      message: `${later.feature} is not supported yet`,
      hint: 'remove it for now',
    });
    return;
  }
  if (node.kind === 'list') node.items.forEach((item, index) => descend(schema, node, index, item, path, report));
  if (node.kind === 'map') node.entries.forEach((entry) => descend(schema, node, entry.key, entry.node, path, report));
}

function descend(
  schema: Schema,
  parent: TreeNode,
  key: string | number,
  node: TreeNode,
  path: Path,
  report: Report,
): void {
  const next = step(schema, key, parent);
  if (next !== undefined) reportLater(next, node, [...path, key], report);
}
