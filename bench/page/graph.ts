/** Graphs of docs/benchmarks.md: echarts draws them as SVG, without a browser, the same from the same figures. */
import { BarChart } from 'echarts/charts';
import { GridComponent, LegendComponent, TitleComponent } from 'echarts/components';
import { type EChartsType, init, use } from 'echarts/core';
import { SVGRenderer } from 'echarts/renderers';

use([BarChart, GridComponent, LegendComponent, TitleComponent, SVGRenderer]);

export interface Bars {
  readonly title: string;
  readonly unit: string;
  /** What the groups of bars stand for. */
  readonly groups: readonly string[];
  /** One value per group; null: not measured. */
  readonly series: readonly { readonly name: string; readonly values: readonly (number | null)[] }[];
  /** Where the largest is hundreds of times the least. */
  readonly logarithmic: boolean;
}

const WIDTH = 860;
const HEIGHT = 400;
/** Told apart also by those who do not see all colours (Okabe and Ito). */
const COLOURS = ['#d55e00', '#0072b2', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#999999'];

export function barsSvg({ title, unit, groups, series, logarithmic }: Bars): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT });
  chart.setOption({
    ...{ animation: false, backgroundColor: '#ffffff', color: COLOURS },
    title: { text: title, subtext: unit, left: 10, top: 6, textStyle: { fontSize: 15 } },
    legend: { bottom: 4, type: 'plain' },
    grid: { left: 80, right: 20, top: 62, bottom: 84 },
    xAxis: { type: 'category', data: [...groups] },
    yAxis: { type: logarithmic ? 'log' : 'value' },
    series: series.map(({ name, values }) => ({
      ...{ type: 'bar', name, data: values.map((value) => value ?? '-') },
      label: { show: series.length * groups.length <= 12, position: 'top', formatter: '{c}' },
    })),
  });
  return svgOf(chart);
}

/** Ends the chart. echarts numbers charts and classes through the whole process: here they are numbered within their own graph. */
export function svgOf(chart: EChartsType): string {
  const svg = chart.renderToSVGString();
  chart.dispose();
  const classes: string[] = [];
  const numbered = svg.replaceAll(/zr\d+-/g, 'zr-').replaceAll(/zr-cls-\d+/g, (name) => {
    if (!classes.includes(name)) classes.push(name);
    return `zr-cls-${classes.indexOf(name)}`;
  });
  return `${numbered}\n`;
}
