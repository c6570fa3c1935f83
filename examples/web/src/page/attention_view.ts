import type { FromWorker } from '../protocol.js';
import { drawBars } from './bar_plot.js';
import { byId, fillMenu } from './elements.js';
import { round } from './svg.js';

type Weights = Extract<FromWorker, { kind: 'attention' }>;

const layer = byId('layer', HTMLSelectElement);
const head = byId('head', HTMLSelectElement);
const query = byId('query', HTMLSelectElement);
const keys = byId('keys', HTMLOListElement);
const summary = byId('attention-summary', HTMLParagraphElement);
const bars = byId('weights', SVGSVGElement);

/** Text stays readable on the darkest key. */
const DARKEST = 0.6;
/** Keys that the summary names. */
const NAMED = 3;

/** Which keys the query of one token looks at. A key that is chosen becomes the query. */
export class AttentionView {
  private tokens: readonly string[] = [];
  private latest?: Weights;

  /** `ask` requests the weights of one layer and token. */
  constructor(private readonly ask: (layer: number, position: number) => void) {
    byId('look', HTMLFormElement).addEventListener('submit', (event) => event.preventDefault());
    layer.addEventListener('change', () => this.request());
    query.addEventListener('change', () => this.request());
    head.addEventListener('change', () => this.draw());
  }

  setModel(numLayers: number, numHeads: number): void {
    fillMenu(layer, numbered(numLayers));
    fillMenu(head, numbered(numHeads));
    layer.disabled = true;
    head.disabled = true;
  }

  /** Nothing can be asked until {@link open}. */
  close(): void {
    for (const menu of [layer, head, query]) menu.disabled = true;
    this.latest = undefined;
    keys.replaceChildren();
    summary.textContent = '';
  }

  /** Opens the view on the cache of a finished run: `tokens` are those that it holds. */
  open(tokens: readonly string[]): void {
    this.tokens = tokens;
    const items = tokens.map((token, i) => ({ value: String(i), label: `${i}: ${quoted(token)}` }));
    fillMenu(query, items);
    query.value = String(tokens.length - 1);
    layer.disabled = false;
    head.disabled = false;
    this.request();
  }

  show(weights: Weights): void {
    this.latest = weights;
    this.draw();
  }

  private request(): void {
    this.ask(Number(layer.value), Number(query.value));
  }

  private draw(): void {
    if (this.latest === undefined) return;
    const { position, weights } = this.latest;
    const count = position + 1;
    const first = Number(head.value) * count;
    const row = weights.subarray(first, first + count);
    const most = row.reduce((a, b) => Math.max(a, b), 1e-9);
    const hadFocus = keys.contains(document.activeElement);
    keys.replaceChildren(...Array.from(row, (weight, i) => this.keyItem(i, weight, most)));
    if (hadFocus) keys.querySelectorAll('button')[position]?.focus();
    drawBars(bars, row, { xLabel: 'position of the key', yLabel: 'weight' });
    const text = this.summaryOf(row, position);
    summary.textContent = text;
    bars.setAttribute('aria-label', `Weights by key. ${text}`);
  }

  private keyItem(position: number, weight: number, most: number): HTMLLIElement {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = this.tokens[position];
    button.title = `${position}: weight ${weight.toFixed(4)}`;
    button.dataset.weight = String(weight);
    button.style.setProperty('--weight', String(round((DARKEST * weight) / most)));
    button.setAttribute(
      'aria-label',
      `key ${position}, ${quoted(button.textContent)}, weight ${weight.toFixed(3)}`,
    );
    if (position === this.latest?.position) button.setAttribute('aria-current', 'true');
    button.addEventListener('click', () => {
      query.value = String(position);
      this.request();
    });
    const item = document.createElement('li');
    item.append(button);
    return item;
  }

  private summaryOf(row: Float32Array, position: number): string {
    const order = Array.from(row.keys()).sort((a, b) => row[b] - row[a]);
    const named = order
      .slice(0, NAMED)
      .map((i) => `${quoted(this.tokens[i])} at ${i} (${(100 * row[i]).toFixed(1)} %)`);
    return `${quoted(this.tokens[position])} at ${position} looks most at ${named.join(', ')}.`;
  }
}

const quoted = (text: string): string => JSON.stringify(text);

const numbered = (count: number) =>
  Array.from({ length: count }, (_, i) => ({ value: String(i), label: String(i) }));
