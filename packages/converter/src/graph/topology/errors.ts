import { InvalidArgumentError } from '@tfjs-attention/core';

/** The name that messages carry. */
export const OP = 'fuseAttention';

/** Throws unless `rule` holds; the text is only built then. */
export function check(rule: boolean, text: () => string): asserts rule {
  if (!rule) throw new InvalidArgumentError(`${OP}: ${text()}`);
}
