// The frame of a plot: where its points lie, and its axes with their labels.
import { svgElement } from './svg.js';

const HEIGHT = 180;
const LEFT = 48;
const RIGHT = 8;
const TOP = 10;
const BOTTOM = 38;
const TICKS = 4;

/** What an axis shows: from 0 to `most`. */
export interface Axis {
  label: string;
  most: number;
}

export interface Frame {
  /** Pixels of a value. */
  x: (value: number) => number;
  y: (value: number) => number;
  bottom: number;
}

/** Empties the plot and draws its axes; `width` is in units of the drawing, which is scaled to its place. */
export function drawFrame(svg: SVGSVGElement, xAxis: Axis, yAxis: Axis, width = 360): Frame {
  svg.setAttribute('viewBox', `0 0 ${width} ${HEIGHT}`);
  const [right, bottom] = [width - RIGHT, HEIGHT - BOTTOM];
  const x = (value: number) => LEFT + (value / (xAxis.most || 1)) * (right - LEFT);
  const y = (value: number) => bottom - (value / (yAxis.most || 1)) * (bottom - TOP);
  svg.replaceChildren(
    svgElement('path', { class: 'axis', d: `M${LEFT} ${TOP}V${bottom}H${right}` }),
    ...ticksUpTo(xAxis.most).map((tick) =>
      svgElement('text', { x: x(tick), y: bottom + 14, 'text-anchor': 'middle' }, shortText(tick)),
    ),
    ...ticksUpTo(yAxis.most).map((tick) =>
      svgElement('text', { x: LEFT - 6, y: y(tick) + 4, 'text-anchor': 'end' }, shortText(tick)),
    ),
    svgElement(
      'text',
      { x: (LEFT + right) / 2, y: HEIGHT - 6, 'text-anchor': 'middle' },
      xAxis.label,
    ),
    svgElement(
      'text',
      { transform: `translate(11 ${(TOP + bottom) / 2}) rotate(-90)`, 'text-anchor': 'middle' },
      yAxis.label,
    ),
  );
  return { x, y, bottom };
}

/** 0 and some multiples of 1, 2 or 5 times a power of ten. */
export function ticksUpTo(most: number): number[] {
  if (!(most > 0)) return [0];
  const power = 10 ** Math.floor(Math.log10(most / TICKS));
  const step = [1, 2, 5, 10].map((x) => x * power).find((x) => most / x <= TICKS + 1) ?? power;
  const count = Math.floor(most / step + 1e-9);
  return Array.from({ length: count + 1 }, (_, i) => Number((i * step).toPrecision(3)));
}

const shortText = (value: number): string =>
  value >= 1000 ? `${Number((value / 1000).toPrecision(3))}k` : String(value);
