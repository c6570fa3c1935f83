import type { FactRow } from '../protocol.js';
import { byId } from './elements.js';

const list = byId('facts', HTMLDListElement);

export function showFacts(rows: readonly FactRow[]): void {
  list.replaceChildren();
  addFacts(rows);
}

export function addFacts(rows: readonly FactRow[]): void {
  for (const [label, text] of rows) {
    if (label !== '') list.append(withText('dt', label));
    list.append(withText('dd', text));
  }
}

function withText(name: string, text: string): HTMLElement {
  const element = document.createElement(name);
  element.textContent = text;
  return element;
}
