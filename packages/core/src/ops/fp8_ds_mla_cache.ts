import { concat, reshape, slice, tidy, type Tensor } from '@tensorflow/tfjs-core';
import { gatherSlots } from '../kv_cache/access.js';
import { KvCache } from '../kv_cache/kv_cache.js';
import { FullAttentionSpec } from '../kv_cache/spec.js';
import { check, checkInt32Array, checkTensor, invalid, shapeText } from '../problem/checks.js';
import { DS_MLA, packTokens, unpackTokens } from './fp8_ds_mla_bytes.js';
import { reshapeAndCacheFlash } from './reshape_and_cache_flash.js';

export interface Fp8DsMlaCacheOptions {
  /** P */
  numBlocks: number;
  /** C. Default 64. */
  blockSize?: number;
}

const OP = 'Fp8DsMlaCache';
const { latent: LATENT, rope: ROPE, tile: TILE } = DS_MLA;

/**
 * DeepSeek's packed latent cache (vLLM `fp8_ds_mla`), 656 bytes a token on every tfjs backend: 512 latent lanes in e4m3 with
 * a float32 scale for each 128 of them, max|x| / 448, and 64 rope lanes in bfloat16. It is two caches: keys and values of
 * the one hold two tiles each, those of the other half of the rope each. A scale is at least 1e-6, upstream's 2^-126: tiles
 * whose largest lane is below 4.48e-4 are stored in coarser steps, of at most 2e-9.
 *
 * @throws InvalidArgumentError, CapacityError.
 */
export class Fp8DsMlaCache {
  readonly blockSize: number;
  readonly numBlocks: number;
  /** The two caches, e.g. for `copyBlocks`. */
  readonly caches: readonly [latent: KvCache, rope: KvCache];

  constructor({ numBlocks, blockSize = 64 }: Fp8DsMlaCacheOptions) {
    const make = (numKvHeads: number, headSize: number, dtype: 'fp8_per_token_head' | 'bfloat16') =>
      new KvCache(new FullAttentionSpec({ blockSize, numKvHeads, headSize }), { numBlocks, dtype });
    const latent = make(LATENT / TILE / 2, TILE, 'fp8_per_token_head');
    try {
      this.caches = [latent, make(1, ROPE / 2, 'bfloat16')];
    } catch (error) {
      latent.dispose();
      throw error;
    }
    this.blockSize = blockSize;
    this.numBlocks = numBlocks;
  }

  get numSlots(): number {
    return this.numBlocks * this.blockSize;
  }

  /** Bytes held. */
  memory(): { bytes: number; bytesPerToken: number } {
    const bytes = this.caches.reduce((sum, cache) => sum + cache.memory().bytes, 0);
    return { bytes, bytesPerToken: bytes / this.numSlots };
  }

  /** Stores `kvC` `[T, 512]` and `kPe` `[T, 64]` in slots; -1 is left out. */
  write(kvC: Tensor, kPe: Tensor, slotMapping: Int32Array): void {
    const tokens = slotMapping.length;
    checkTokens('kvC', kvC, [tokens, LATENT]);
    checkTokens('kPe', kPe, [tokens, ROPE]);
    tidy(() => {
      const put = (cache: KvCache, x: Tensor) => {
        const { numKvHeads, headSize } = cache.layout;
        const half = numKvHeads * headSize;
        const part = (first: number) =>
          reshape(slice(x, [0, first], [tokens, half]), [tokens, numKvHeads, headSize]);
        reshapeAndCacheFlash(part(0), part(half), cache, slotMapping);
      };
      put(this.caches[0], kvC);
      put(this.caches[1], kPe);
    });
  }

  /** The 576 lanes of some slots, dequantised: `[n, 576]`; slot -1 gives zeros. */
  gather(slots: Int32Array): Tensor {
    const op = `${OP}.gather`;
    checkInt32Array(slots, op, 'slots', undefined, '[n]');
    slots.forEach((slot, i) =>
      check(
        slot >= -1 && slot < this.numSlots,
        op,
        () => `slots[${i}] = ${slot} is outside the cache's slots 0 to ${this.numSlots - 1}`,
      ),
    );
    return tidy(() => {
      const lanes = this.caches.flatMap((cache) =>
        gatherSlots(cache.storageFor(op), slots).map((x) => reshape(x, [slots.length, -1])),
      );
      return concat(lanes, 1);
    });
  }

  /** Stored tokens of some blocks in upstream's bytes: `[n, C, 656]`. */
  async readBlocks(blocks: readonly number[]): Promise<Uint8Array> {
    const op = `${OP}.readBlocks`;
    this.checkBlocks(op, blocks);
    const [latent, rope] = this.caches.map((cache) => cache.storageFor(op).readBlocks(blocks));
    return packTokens(await latent, await rope, blocks.length * this.blockSize);
  }

  /** Stores tokens of blocks from upstream's bytes. */
  writeBlocks(blocks: readonly number[], bytes: Uint8Array): void {
    const op = `${OP}.writeBlocks`;
    this.checkBlocks(op, blocks);
    const tokens = blocks.length * this.blockSize;
    check(
      bytes instanceof Uint8Array && bytes.length === tokens * DS_MLA.bytes,
      op,
      `bytes must be a Uint8Array of ${tokens * DS_MLA.bytes}, ${DS_MLA.bytes} a token`,
    );
    const [latent, rope] = unpackTokens(bytes, tokens);
    const [first, second] = this.caches.map((cache) => cache.storageFor(op));
    first.writeBlocks(blocks, latent);
    second.writeBlocks(blocks, rope);
  }

  dispose(): void {
    for (const cache of this.caches) cache.dispose();
  }

  private checkBlocks(op: string, blocks: readonly number[]): void {
    const bad = blocks.find((block) => !(Number.isInteger(block) && block >= 0 && block < this.numBlocks)); // prettier-ignore
    if (bad !== undefined) {
      throw invalid(op, `block ${bad} is outside the cache's blocks 0 to ${this.numBlocks - 1}`);
    }
  }
}

function checkTokens(name: string, x: Tensor, shape: number[]): void {
  checkTensor(x, OP, name, 2, shapeText(shape));
  check(
    shapeText(x.shape) === shapeText(shape),
    OP,
    `${name} must be ${shapeText(shape)} for these slots, got ${shapeText(x.shape)}`,
  );
}
