import { drawFrame } from './frame.js';
import { svgElement } from './svg.js';

/** Twice a line plot's, so that both have letters of one size. */
const WIDTH = 740;

/** One bar a value, at 0, 1, 2 ... */
export function drawBars(
  svg: SVGSVGElement,
  values: ArrayLike<number>,
  { xLabel, yLabel }: { xLabel: string; yLabel: string },
): void {
  const heights = Array.from(values);
  const most = heights.reduce((a, b) => Math.max(a, b), 0);
  const { x, y, bottom } = drawFrame(
    svg,
    { label: xLabel, most: heights.length },
    { label: yLabel, most },
    WIDTH,
  );
  const width = Math.max(0.5, 0.8 * (x(1) - x(0)));
  svg.append(
    ...heights.map((value, i) =>
      svgElement('rect', {
        class: 'bar',
        x: x(i + 0.1),
        y: y(value),
        width,
        height: bottom - y(value),
      }),
    ),
  );
}
