/** Writes docs/benchmarks.md and its graphs from bench/results: `node scripts/generate-benchmarks.ts`. A test checks that it was run. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { makePage, readResults } from '../bench/page/page.ts';

const docs = new URL('../docs/', import.meta.url);
const { text, graphs } = makePage(readResults());
writeFileSync(new URL('benchmarks.md', docs), text);
rmSync(new URL('benchmarks/', docs), { recursive: true, force: true });
if (graphs.size > 0) mkdirSync(new URL('benchmarks/', docs));
for (const [file, svg] of graphs) writeFileSync(new URL(`benchmarks/${file}`, docs), svg);
