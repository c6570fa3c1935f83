import type { FlashAttentionOptions } from './options.js';
import { check, checkInt } from './checks.js';

/** Shares are counted in units of 1 / DROPOUT_UNITS, so that kernels compare integers. */
export const DROPOUT_UNITS = 2 ** 24;

/** Checks the options of dropout and packs them as kernels read them; nothing where nothing is dropped. */
export function readDropout(
  op: string,
  { dropoutRate = 0, dropoutSeed }: FlashAttentionOptions,
): Int32Array | undefined {
  check(
    typeof dropoutRate === 'number' && dropoutRate >= 0 && dropoutRate < 1,
    op,
    () => `dropoutRate must lie in [0, 1), got ${String(dropoutRate)}`,
  );
  if (dropoutSeed !== undefined) checkInt(dropoutSeed, op, 'dropoutSeed', -(2 ** 31));
  const share = Math.floor(dropoutRate * DROPOUT_UNITS);
  if (share === 0) return undefined;
  check(
    dropoutSeed !== undefined,
    op,
    () =>
      `dropoutRate ${dropoutRate} needs a dropoutSeed, an int32 that differs from step to step: ` +
      'without one every step would drop the same weights',
  );
  return Int32Array.of(dropoutSeed, share);
}
