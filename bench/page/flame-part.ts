/** The part of docs/benchmarks.md that is a flame graph: echarts draws its frames as boxes, each as wide as what it weighs. */
import { CustomChart } from 'echarts/charts';
import { GridComponent, TitleComponent } from 'echarts/components';
import { init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';
import { type Frame, parseFolded, treeOf, whereOf } from '../support/folded-stacks.ts';
import type { Figure } from '../support/report.ts';
import { svgOf } from './graph.ts';
import type { Part } from './matrix-part.ts';
import { shown, tableText } from './numbers.ts';
import { rowsPart } from './rows-part.ts';

use([CustomChart, GridComponent, TitleComponent, SVGRenderer]);

const WIDTH = 1_200;
const ROW = 17;
const TOP = 60;
const SIDE = 10;
/** A narrower box has no name. */
const NAMED_PX = 28;
const HEAVIEST = 12;
const PX_PER_LETTER = 5.6;

/** Whose a frame is, and its colour (Okabe and Ito's, lighter, so that names can be read on them). */
const COLOURS: readonly (readonly [RegExp, string, string])[] = [
  [/^process$/, '#dddddd', 'process'],
  [/^(src|connectors)\//, '#f5a15d', 'Millrace'],
  [/^kernel$/, '#e3b5cf', 'kernel'],
  [/^(Redis|libjemalloc|lib)/, '#8fd3bd', 'Redis and C libraries'],
  [/^(JavaScript|isolated-vm)$/, '#f3d27a', 'in the isolate'],
  [/^(Node|V8)$/, '#b5cfe6', 'Node and V8'],
];
const OTHERS = '#8fc1ec';

interface Box {
  readonly frame: Frame;
  readonly from: number;
  readonly row: number;
}

/** From the left the heaviest first. */
function boxesOf(root: Frame): Box[] {
  const boxes: Box[] = [];
  const place = (frames: Iterable<Frame>, from: number, row: number) => {
    for (const frame of [...frames].toSorted((a, b) => b.weight - a.weight)) {
      boxes.push({ frame, from, row });
      place(frame.above.values(), from, row + 1);
      from += frame.weight;
    }
  };
  place(root.above.values(), 0, 0);
  return boxes;
}

export function flamePart(figure: Figure, stacks: readonly string[]): Part {
  const table = rowsPart(figure).text;
  const root = treeOf(parseFolded(stacks));
  const file = `${figure.id}.svg`;
  const legend = [...COLOURS.map(([, , name]) => name), 'libraries'].join(', ');
  const text = [
    `![${figure.title}](benchmarks/${file})`,
    `Colours: ${legend}. From below: who calls whom.`,
    table,
    'The frames that cost most themselves, what stands on them left out:',
    tableText(['Frame', 'CPU µs per record', '% of all'], heaviest(root)),
  ].join('\n\n');
  return { text, graphs: new Map([[file, flameSvg(figure.title, root)]]) };
}

function heaviest(root: Frame): string[][] {
  const own = new Map<string, number>();
  const visit = (frame: Frame, process: string) => {
    const above = [...frame.above.values()];
    const weight = frame.weight - above.reduce((sum, one) => sum + one.weight, 0);
    const name = `${frame.name} in ${process}`;
    own.set(name, (own.get(name) ?? 0) + weight);
    for (const one of above) visit(one, process);
  };
  for (const process of root.above.values()) visit(process, process.name.split(' ')[0]!);
  const largest = [...own].toSorted(([, a], [, b]) => b - a).slice(0, HEAVIEST);
  return largest.map(([name, weight]) => [name, shown(weight), shown((weight / root.weight) * 100)]);
}

function flameSvg(title: string, root: Frame): string {
  const boxes = boxesOf(root);
  const rows = Math.max(...boxes.map(({ row }) => row)) + 1;
  const height = TOP + rows * ROW + SIDE;
  const pxPer = (WIDTH - 2 * SIDE) / root.weight;
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height });
  chart.setOption({
    ...{ animation: false, backgroundColor: '#ffffff' },
    title: {
      text: title,
      subtext: `${shown(root.weight)} in all`,
      left: SIDE,
      top: 6,
      textStyle: { fontSize: 15 },
    },
    grid: { left: SIDE, right: SIDE, top: TOP, bottom: SIDE },
    xAxis: { show: false, min: 0, max: root.weight },
    yAxis: { show: false, min: 0, max: rows },
    series: [
      {
        type: 'custom',
        data: boxes.map(({ from, row }) => [from, row]),
        renderItem: ({ dataIndex }: { readonly dataIndex: number }) => {
          const { frame, from, row } = boxes[dataIndex]!;
          const width = frame.weight * pxPer;
          const shape = { x: SIDE + from * pxPer, y: height - SIDE - (row + 1) * ROW, width, height: ROW - 1 };
          const fill = COLOURS.find(([where]) => where.test(whereOf(frame.name)))?.[1] ?? OTHERS;
          return {
            ...{ type: 'rect', shape, style: { fill, stroke: '#ffffff', lineWidth: 0.5 } },
            ...(width >= NAMED_PX && {
              textConfig: { position: 'insideLeft' },
              textContent: { style: { text: labelOf(frame, width), fontSize: 10, fill: '#222222' } },
            }),
          };
        },
      },
    ],
  });
  return svgOf(chart);
}

/** What of its name has room. */
function labelOf({ name, weight }: Frame, width: number): string {
  const full = `${name.replace(/ \[(process|kernel|V8|Node|Redis|JavaScript)\]$/, '').replace('[src/', '[')} ${shown(weight)}`;
  const letters = Math.floor((width - 6) / PX_PER_LETTER);
  return full.length <= letters ? full : `${full.slice(0, Math.max(1, letters - 1))}…`;
}
