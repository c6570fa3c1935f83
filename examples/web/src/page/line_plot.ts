import { drawFrame } from './frame.js';
import { round, svgElement } from './svg.js';

export interface LinePlotOptions {
  xLabel: string;
  yLabel: string;
  /** A dashed line, e.g. a capacity. */
  limit?: number;
}

/** A curve that grows, redrawn at most once a frame. */
export class LinePlot {
  private values: number[] = [];
  private limit?: number;
  private scheduled = false;

  constructor(
    private readonly svg: SVGSVGElement,
    private readonly options: LinePlotOptions,
  ) {
    this.draw();
  }

  /** Starts a new curve. */
  clear(limit?: number): void {
    this.values = [];
    this.limit = limit;
    this.schedule();
  }

  add(value: number): void {
    this.values.push(value);
    this.schedule();
  }

  /** What a screen reader says. */
  describe(text: string): void {
    this.svg.setAttribute('aria-label', text);
  }

  private schedule(): void {
    if (this.scheduled) return;
    this.scheduled = true;
    requestAnimationFrame(() => {
      this.scheduled = false;
      this.draw();
    });
  }

  private draw(): void {
    const { values, limit = 0, options } = this;
    const most = values.reduce((a, b) => Math.max(a, b), limit);
    const { x, y } = drawFrame(
      this.svg,
      { label: options.xLabel, most: Math.max(1, values.length) },
      { label: options.yLabel, most: 1.08 * most },
    );
    if (limit > 0) {
      const [from, to] = [x(0), x(Math.max(1, values.length))];
      const at = { x1: from, x2: to, y1: y(limit), y2: y(limit) };
      this.svg.append(svgElement('line', { class: 'limit', ...at }));
    }
    const points = values.map((value, i) => `${round(x(i + 1))} ${round(y(value))}`);
    this.svg.append(svgElement('polyline', { class: 'curve', points: points.join(' ') }));
  }
}
