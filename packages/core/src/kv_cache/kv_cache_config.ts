import { CapacityError } from '../errors.js';
import { check, checkInt } from '../problem/checks.js';
import { UniformTypeKVCacheSpecs, type KvCacheSpec } from './spec.js';

/** Memory of `size` bytes that layers share: one cache object for all of them (vLLM `KVCacheTensor`). */
export interface KvCacheTensor {
  readonly size: number;
  readonly sharedBy: readonly string[];
}

/** Layers that share one block table (vLLM `KVCacheGroupSpec`). */
export interface KvCacheGroupSpec {
  readonly layerNames: readonly string[];
  readonly kvCacheSpec: KvCacheSpec;
}

/** How a model's caches are laid out (vLLM `KVCacheConfig`). */
export interface KvCacheConfig {
  /** P, the null block included. */
  readonly numBlocks: number;
  readonly kvCacheTensors: readonly KvCacheTensor[];
  readonly kvCacheGroups: readonly KvCacheGroupSpec[];
}

const OP = 'makeKvCacheConfig';

/**
 * Groups layers for one pool of blocks (vLLM `kv_cache_utils.get_kv_cache_configs`). Layers of one kind share a block table;
 * with several kinds every group has the same number of layers, so that a block costs the same whichever group holds it, and
 * layer i of every group shares memory.
 *
 * @param specs by layer name, in the model's order; layers that keep no keys are left out
 * @param room `numBlocks`, or the bytes that all caches may take
 * @throws InvalidArgumentError where layers of several kinds differ in block size or bytes; CapacityError where the bytes
 *   hold no block beside the null block.
 */
export function makeKvCacheConfig(
  specs: Readonly<Record<string, KvCacheSpec>>,
  room: { numBlocks: number } | { availableBytes: number },
): KvCacheConfig {
  const layers = Object.entries(specs);
  check(layers.length > 0, OP, 'specs must name at least one layer');
  const uniform = UniformTypeKVCacheSpecs.fromSpecs(specs);
  if (uniform !== null) {
    const numBlocks = readRoom(room, uniform.pageSizeBytes());
    const layerNames = layers.map(([name]) => name);
    const sameSpec = layers.every(([, spec]) => spec.equals(layers[0][1]));
    return {
      numBlocks,
      kvCacheTensors: layers.map(([name, spec]) => ({
        size: numBlocks * spec.pageSizeBytes(),
        sharedBy: [name],
      })),
      kvCacheGroups: [{ layerNames, kvCacheSpec: sameSpec ? layers[0][1] : uniform }],
    };
  }
  const kvCacheGroups = groupByKind(layers);
  const groupSize = Math.max(...kvCacheGroups.map(({ layerNames }) => layerNames.length));
  const pageSize = layers[0][1].pageSizeBytes();
  const numBlocks = readRoom(room, pageSize * groupSize);
  return {
    numBlocks,
    kvCacheGroups,
    kvCacheTensors: Array.from({ length: groupSize }, (_, i) => ({
      size: numBlocks * pageSize,
      sharedBy: kvCacheGroups.flatMap(({ layerNames }) => layerNames.slice(i, i + 1)),
    })),
  };
}

function groupByKind(layers: readonly (readonly [string, KvCacheSpec])[]): KvCacheGroupSpec[] {
  const [[firstName, first]] = layers;
  const kinds: { spec: KvCacheSpec; names: string[] }[] = [];
  for (const [name, spec] of layers) {
    check(
      spec.blockSize === first.blockSize && spec.pageSizeBytes() === first.pageSizeBytes(),
      OP,
      `layers of several kinds share one pool only if their blocks are alike: '${firstName}' has ` +
        `${first.pageSizeBytes()} bytes for ${first.blockSize} tokens, '${name}' ${spec.pageSizeBytes()} for ${spec.blockSize}; ` +
        'set pageSizePadded or the block sizes accordingly',
    );
    const kind = kinds.find((known) => known.spec.equals(spec));
    if (kind === undefined) kinds.push({ spec, names: [name] });
    else kind.names.push(name);
  }
  const counts = kinds.map(({ names }) => names.length);
  const [least, most] = [Math.min(...counts), Math.max(...counts)];
  // A little padding is cheaper than twice as many groups.
  const groupSize = most < least * 1.25 ? most : least;
  return kinds.flatMap(({ spec, names }) => {
    const numGroups = Math.ceil(names.length / groupSize);
    return Array.from({ length: numGroups }, (_, g) => ({
      layerNames: names.filter((_name, i) => i % numGroups === g),
      kvCacheSpec: spec,
    }));
  });
}

function readRoom(
  room: { numBlocks: number } | { availableBytes: number },
  bytesPerBlock: number,
): number {
  if ('numBlocks' in room) {
    checkInt(room.numBlocks, OP, 'numBlocks', 2);
    return room.numBlocks;
  }
  const numBlocks = Math.floor(room.availableBytes / bytesPerBlock);
  if (!(numBlocks >= 2)) {
    throw new CapacityError(
      `${OP}: availableBytes ${room.availableBytes} must hold at least 2 blocks of ${bytesPerBlock} bytes ` +
        '(all layers, one of them the null block); give more or take a smaller blockSize',
    );
  }
  return Math.min(numBlocks, 2 ** 31 - 1);
}
