import { concat, reshape, tidy, type Tensor } from '@tensorflow/tfjs-core';
import type { KvCache } from '../kv_cache/kv_cache.js';
import { check, checkInt32Array, checkTensor, shapeText } from '../problem/checks.js';
import { checkCache } from './blocks.js';
import { Fp8DsMlaCache } from './fp8_ds_mla_cache.js';
import { reshapeAndCacheFlash } from './reshape_and_cache_flash.js';

const OP = 'concatAndCacheMla';

/**
 * Writes latent tokens (vLLM `concat_and_cache_mla`): `kvC` `[T, L]`, normed, and `kPe` `[T, R]` or `[T, 1, R]`, rotated,
 * become the L + R lanes of the one KV head of a cache, in slots `[T]`; -1 is left out. A cache made for an
 * `MLAAttentionSpec` keeps them once; in any other with H = L + R and Hv = L the value is written beside. An
 * {@link Fp8DsMlaCache} takes 512 + 64 lanes in 656 bytes.
 *
 * ```js
 * concatAndCacheMla(kvC, kPe, cache, Int32Array.of(64, -1));  // of two tokens the first, to slot 64
 * ```
 *
 * @throws InvalidArgumentError, DisposedError, BackendMismatchError: the cache's bytes are then unchanged.
 */
export function concatAndCacheMla(
  kvC: Tensor,
  kPe: Tensor,
  cache: KvCache | Fp8DsMlaCache,
  slotMapping: Int32Array,
): void {
  checkTensor(kvC, OP, 'kvC', 2, '[T, L]');
  checkTensor(kPe, OP, 'kPe', kPe?.rank === 3 ? 3 : 2, '[T, R] or [T, 1, R]');
  checkInt32Array(slotMapping, OP, 'slotMapping', undefined, '[T]');
  const tokens = kvC.shape[0];
  const rope = kPe.size / Math.max(1, tokens);
  check(
    kPe.shape[0] === tokens && (kPe.rank === 2 || kPe.shape[1] === 1) && tokens > 0,
    OP,
    `kPe ${shapeText(kPe.shape)} must be [T, R] or [T, 1, R] for kvC ${shapeText(kvC.shape)}, neither empty`,
  );
  if (cache instanceof Fp8DsMlaCache) {
    tidy(() => cache.write(kvC, reshape(kPe, [tokens, rope]), slotMapping));
    return;
  }
  checkCache(OP, cache);
  const { numKvHeads, headSize, valueHeadSize, valueInKey } = cache.layout;
  const latent = kvC.shape[1] as number;
  check(
    numKvHeads === 1 && headSize === latent + rope && (valueInKey || valueHeadSize === latent),
    OP,
    `the cache has ${numKvHeads} KV heads of ${headSize} and ${valueHeadSize} lanes, the tokens one of ${latent + rope} and ${latent}`,
  );
  tidy(OP, () => {
    const key = concat([kvC, reshape(kPe, [tokens, rope])], 1);
    const value = valueInKey ? null : reshape(kvC, [tokens, 1, latent]);
    reshapeAndCacheFlash(reshape(key, [tokens, 1, headSize]), value, cache, slotMapping);
  });
}
