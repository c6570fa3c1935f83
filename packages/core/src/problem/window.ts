import type { Feature } from './params.js';
import { check, checkInt } from './checks.js';

export interface WindowOptions {
  /** Query position p sees keys j <= p. Default false. */
  causal?: boolean;
  /**
   * Keys visible on a side, the query's own position included (vLLM). With W = 3 and causal, position 5
   * sees 3, 4, 5; without causal 3 to 7. Excludes windowLeft and windowRight.
   */
  slidingWindow?: number;
  /** Keys visible before the query position, itself excluded; -1 = unlimited (default). */
  windowLeft?: number;
  /** Keys visible after the query position, itself excluded; -1 = unlimited (default). */
  windowRight?: number;
}

export interface Window {
  windowLeft: number;
  windowRight: number;
  features: Feature[];
}

/**
 * The one place where `slidingWindow` becomes a pair: (W-1, 0) when causal, else (W-1, W-1). Where only some sequences
 * are causal (`mixed`) it is the latter, since the causal rule itself ends the others' windows.
 */
export function describeWindow(op: string, options: WindowOptions, mixed = false): Window {
  const { causal = false, slidingWindow } = options;
  let { windowLeft = -1, windowRight = -1 } = options;
  checkInt(windowLeft, op, 'windowLeft', -1);
  checkInt(windowRight, op, 'windowRight', -1);
  if (slidingWindow !== undefined) {
    checkInt(slidingWindow, op, 'slidingWindow', 1);
    check(
      options.windowLeft === undefined && options.windowRight === undefined,
      op,
      () =>
        `slidingWindow ${slidingWindow} excludes windowLeft and windowRight: give the one or the others`,
    );
    windowLeft = slidingWindow - 1;
    windowRight = causal && !mixed ? 0 : slidingWindow - 1;
  }
  const features: Feature[] = [];
  if (causal) features.push('causal');
  if (windowLeft >= 0 || windowRight >= 0) features.push('window');
  return { windowLeft, windowRight, features };
}
