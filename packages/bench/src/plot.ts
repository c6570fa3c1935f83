import * as vega from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';
import type { Growth } from './linear.js';
import { kernelName, type Row } from './rows.js';
import { rateValue } from './work.js';

/** One mark of the speed charts. */
interface Point {
  panel: string;
  decode: boolean;
  seqLen: number;
  rate: number;
  series: string;
  ours: boolean;
}

/** Speed over sequence length for our kernels and the best of each peer, then how decode and windows grow, as SVG. */
export async function plotSvg(
  rows: readonly Row[],
  growth: readonly Growth[],
  title: string,
): Promise<string> {
  const { spec } = compile(chart(pointsOf(rows), growth, title));
  const view = new vega.View(vega.parse(spec), { renderer: 'none' });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}

/** Marks of the float32 rows; a peer is marked once a cell, though every row of the cell holds it. */
export function pointsOf(rows: readonly Row[]): Point[] {
  const points = new Map<string, Point>();
  for (const row of rows) {
    if (row.dtype !== 'float32') continue;
    const { numHeads, numKvHeads, headSize, seqLen } = row.shape;
    const heads = numHeads === numKvHeads ? numHeads : `${numHeads}/${numKvHeads}`;
    const place = {
      panel: `${row.cell.split(' S=')[0]}, ${heads} heads of ${headSize}`,
      decode: 'gbps' in row,
      seqLen,
    };
    const rate = rateValue(row);
    const add = (series: string, value: number, ours: boolean) =>
      points.set(`${row.cell} ${series}`, { ...place, rate: value, series, ours });
    add(kernelName(row), rate, true);
    for (const [family, { ratio }] of Object.entries(row.peers)) add(family, rate / ratio, false);
  }
  return [...points.values()];
}

function chart(points: Point[], growth: readonly Growth[], title: string): TopLevelSpec {
  const speed = [
    speedChart(
      points.filter(({ decode }) => !decode),
      'GFLOP/s',
    ),
    speedChart(
      points.filter(({ decode }) => decode),
      'GB/s of cache',
    ),
  ].filter(({ data }) => data.values.length > 0);
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    title,
    background: 'white',
    resolve: { scale: { color: 'independent' } },
    vconcat: [
      { vconcat: speed, resolve: { scale: { color: 'shared' } } },
      ...(growth.length > 0 ? [growthChart(growth)] : []),
    ],
  };
}

/** A panel for each mask and head count, in the order of the grid; peers are dashed. */
function speedChart(points: Point[], unit: string) {
  const panels = [...new Set(points.map(({ panel }) => panel))];
  return {
    data: { values: points },
    facet: { field: 'panel', type: 'nominal' as const, title: null, sort: panels },
    columns: 3,
    spec: {
      width: 230,
      height: 160,
      mark: { type: 'line' as const, point: true },
      encoding: {
        x: { field: 'seqLen', type: 'quantitative' as const, title: 'S', scale: LOG2 },
        y: { field: 'rate', type: 'quantitative' as const, title: unit },
        color: { field: 'series', type: 'nominal' as const, title: null, legend: LEGEND },
        strokeDash: {
          field: 'ours',
          type: 'nominal' as const,
          legend: null,
          scale: { domain: [true, false], range: [SOLID, DASHED] },
        },
      },
    },
  };
}

const LEGEND = { labelLimit: 400 };
const SOLID = [1, 0];
const DASHED = [4, 3];
const LOG2 = { type: 'log' as const, base: 2, nice: false };

function growthChart(growth: readonly Growth[]) {
  return {
    title: 'cost against S: a slope of 1 is linear',
    width: 500,
    height: 320,
    data: {
      values: growth.flatMap(({ label, points, exponent }) =>
        points.map(({ x, y }) => ({ x, y, series: `${label}: S^${exponent.toFixed(2)}` })),
      ),
    },
    mark: { type: 'line' as const, point: true },
    encoding: {
      x: { field: 'x', type: 'quantitative' as const, title: 'S', scale: LOG2 },
      y: {
        field: 'y',
        type: 'quantitative' as const,
        title: 'ms',
        scale: { type: 'log' as const },
      },
      color: {
        field: 'series',
        type: 'nominal' as const,
        title: null,
        legend: LEGEND,
      },
    },
  };
}
