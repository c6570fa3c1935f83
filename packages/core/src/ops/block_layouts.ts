import type { KvCache } from '../kv_cache/kv_cache.js';
import { bytesPerElement, codesPerRow, hasTokenScales } from '../kv_cache/dtypes.js';
import type { KvBlockBytes, KvCacheLayout } from '../kv_cache/layout.js';
import { check, invalid } from '../problem/checks.js';
import { checkCache } from './blocks.js';

/**
 * Orders of a block's elements that vLLM knows. 'NHD': `[C, K, H]`, as it is stored here. 'HND': `[K, C, H]`. 'paged', its
 * first layout: keys `[K, H / x, C, x]` with x elements in 16 bytes, values `[K, H, C]`. Scales of tokens are `[C, K]` in
 * 'NHD' and `[K, C]` in the others.
 */
export const BLOCK_LAYOUTS = ['NHD', 'HND', 'paged'] as const;
export type BlockLayout = (typeof BLOCK_LAYOUTS)[number];

/** Bytes of the innermost axis of 'paged' keys. */
const PACK_BYTES = 16;

/**
 * Stored bytes of some blocks in one of vLLM's orders, e.g. for a process that keeps its pages so.
 *
 * ```js
 * const {key} = await readCacheBlocks(cache, [4], 'HND');  // block 4: all tokens of head 0, then of head 1
 * ```
 *
 * @throws InvalidArgumentError for a block outside the cache, or where 'paged' does not fit the head size and type;
 *   DisposedError, BackendMismatchError.
 */
export function readCacheBlocks(
  cache: KvCache,
  blocks: readonly number[],
  layout: BlockLayout,
): Promise<KvBlockBytes> {
  const op = 'readCacheBlocks';
  const orders = ordersOf(op, cache, blocks, layout);
  const storage = cache.storageFor(op);
  const read = async (): Promise<KvBlockBytes> => {
    const bytes = await storage.readBlocks(blocks);
    return reorder(bytes, orders, blocks.length, 'out');
  };
  return read();
}

/** Writes blocks from one of vLLM's orders: what {@link readCacheBlocks} gave. Errors as there. */
export function writeCacheBlocks(
  cache: KvCache,
  blocks: readonly number[],
  bytes: KvBlockBytes,
  layout: BlockLayout,
): void {
  const op = 'writeCacheBlocks';
  const orders = ordersOf(op, cache, blocks, layout);
  for (const { name, places, width } of orders) {
    const wanted = blocks.length * places.length * width;
    check(
      (bytes?.[name]?.byteLength ?? 0) === wanted,
      op,
      () =>
        `${name} must have ${wanted} bytes for ${blocks.length} blocks, got ${bytes?.[name]?.byteLength}`,
    );
  }
  const stored = reorder(bytes, orders, blocks.length, 'in');
  cache.storageFor(op).writeBlocks(blocks, stored);
}

/** Where the elements of one part of a block lie: element i of the order stands at `places[i]` as stored. */
interface Order {
  readonly name: 'key' | 'value' | 'keyScales' | 'valueScales';
  readonly places: Int32Array;
  /** Bytes of an element. */
  readonly width: number;
}

function ordersOf(
  op: string,
  cache: KvCache,
  blocks: readonly number[],
  layout: BlockLayout,
): Order[] {
  checkCache(op, cache);
  check(
    BLOCK_LAYOUTS.includes(layout),
    op,
    `layout '${String(layout)}' is not one of ${BLOCK_LAYOUTS.join(', ')}`,
  );
  const { numBlocks, headSize, valueHeadSize, valueInKey, dtype } = cache.layout;
  const isList: boolean = Array.isArray(blocks);
  check(isList, op, `blocks must be an array of block ids, got ${typeof blocks}`);
  const bad = blocks.find((block) => !(Number.isInteger(block) && block >= 0 && block < numBlocks));
  if (bad !== undefined) {
    throw invalid(op, `block ${bad} is outside the cache's blocks 0 to ${numBlocks - 1}`);
  }
  const width = bytesPerElement(dtype);
  const element = Math.max(1, width);
  const pack = PACK_BYTES / element;
  check(
    layout !== 'paged' || (width >= 1 && headSize % pack === 0),
    op,
    `'paged' needs a head size that ${pack} divides and whole bytes, this cache has ${headSize} lanes of ${dtype}`,
  );
  const part = (name: 'key' | 'value', size: number): Order => ({
    name,
    places: placesOf(cache.layout, layout, name, codesPerRow(dtype, size), pack),
    width: element,
  });
  const scales = (name: Order['name']): Order => ({
    name,
    places: placesOf(cache.layout, layout === 'NHD' ? 'NHD' : 'HND', 'key', 1, 1),
    width: 4,
  });
  const orders = [part('key', headSize)];
  if (!valueInKey) orders.push(part('value', valueHeadSize));
  if (!hasTokenScales(dtype)) return orders;
  orders.push(scales('keyScales'));
  if (!valueInKey) orders.push(scales('valueScales'));
  return orders;
}

/** Places of a block's elements, in the order of `layout`. */
function placesOf(
  { blockSize, numKvHeads }: KvCacheLayout,
  layout: BlockLayout,
  half: 'key' | 'value',
  size: number,
  pack: number,
): Int32Array {
  const places = new Int32Array(blockSize * numKvHeads * size);
  let next = 0;
  const put = (token: number, head: number, lane: number) => {
    places[next++] = (token * numKvHeads + head) * size + lane;
  };
  const each = (count: number, visit: (i: number) => void) => {
    for (let i = 0; i < count; i++) visit(i);
  };
  if (layout === 'NHD') {
    each(places.length, (i) => (places[i] = i));
  } else if (layout === 'HND') {
    each(numKvHeads, (head) =>
      each(blockSize, (token) => each(size, (lane) => put(token, head, lane))),
    );
  } else {
    const inner = half === 'key' ? pack : 1;
    each(numKvHeads, (head) =>
      each(size / inner, (group) =>
        each(blockSize, (token) => each(inner, (lane) => put(token, head, group * inner + lane))),
      ),
    );
  }
  return places;
}

/** All parts of blocks, out of the stored order or into it. */
function reorder(
  bytes: KvBlockBytes,
  orders: readonly Order[],
  numBlocks: number,
  way: 'in' | 'out',
): KvBlockBytes {
  const result: { -readonly [name in keyof KvBlockBytes]: KvBlockBytes[name] } = {
    key: new Uint8Array(0),
    value: new Uint8Array(0),
  };
  for (const { name, places, width } of orders) {
    const from = bytes[name] as Uint8Array | Float32Array;
    const source = new Uint8Array(from.buffer, from.byteOffset, from.byteLength);
    const moved = new Uint8Array(source.length);
    for (let block = 0; block < numBlocks; block++) {
      const first = block * places.length;
      for (let i = 0; i < places.length; i++) {
        const [outer, stored] = [(first + i) * width, (first + places[i]) * width];
        const [to, at] = way === 'out' ? [outer, stored] : [stored, outer];
        for (let byte = 0; byte < width; byte++) moved[to + byte] = source[at + byte];
      }
    }
    if (name === 'key' || name === 'value') result[name] = moved;
    else result[name] = new Float32Array(moved.buffer);
  }
  return result;
}
