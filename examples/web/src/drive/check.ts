import type { Page } from 'playwright-core';
import type { Device } from '@tfjs-attention/testing/browser/chromium';

/** One thing that the page must do; it starts on a fresh page whose model is loaded. */
export interface Check {
  name: string;
  /** Software devices that the browser has. Default 'webgl'. */
  devices?: readonly Device[];
  run: (page: Page) => Promise<void>;
}

export function equal(actual: unknown, expected: unknown, what: string): void {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${what}: expected ${b}, got ${a}`);
}

export function matches(text: string, pattern: RegExp, what: string): void {
  if (!pattern.test(text)) throw new Error(`${what}: '${text}' does not match ${String(pattern)}`);
}
