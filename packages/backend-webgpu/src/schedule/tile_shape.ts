import type { AttentionSpec } from '@tfjs-attention/core/provider';
import type { Limits } from '../device/limits.js';
import { kvQuads, texelsPerRow } from '../shaders/kv_types.js';
import { tuningFor, type PrefillTile, type Tuning } from './tuning.js';

/** How the work of a spec is cut on a device. */
export interface TileShape {
  readonly skeleton: 'prefill' | 'decode';
  /** Query rows of a workgroup, and keys of a tile. */
  readonly rows: number;
  readonly keys: number;
  /** Whether threads exchange within subgroups. */
  readonly subgroups: boolean;
  /** Numbers that the skeleton's text is composed for. */
  readonly constants: Readonly<Record<string, number>>;
  readonly residentQueries: boolean;
}

/** What the skeletons know of a spec. */
interface Lanes {
  readonly KV_QUADS: number;
  readonly KEY_TEXELS: number;
  readonly VALUE_TEXELS: number;
  readonly VALUE_QUADS: number;
}

/** Rows of a KV head that a sequence brings at most, from which on the prefill skeleton reads keys for more of them. */
const FEW_ROWS = 8;

/** The shape for calls that bring `maxRows` rows (query tokens times heads of a group) a sequence at most. */
export function tileShape(spec: AttentionSpec, maxRows: number, limits: Limits): TileShape {
  const tuning = tuningFor(limits.tunedFor);
  const lanes: Lanes = {
    KV_QUADS: kvQuads(spec.kvDtype),
    KEY_TEXELS: texelsPerRow(spec.headSize, spec.kvDtype),
    VALUE_TEXELS: texelsPerRow(spec.valueHeadSize, spec.kvDtype),
    VALUE_QUADS: Math.ceil(spec.valueHeadSize / 4),
  };
  if (maxRows <= FEW_ROWS) {
    const shape = decodeShape(lanes, maxRows, tuning, limits);
    if (shape !== undefined) return shape;
  }
  return prefillShape(lanes, maxRows, tuning, limits);
}

/** The first tile that fits; of those that do, none much larger than the rows there are. */
function prefillShape(lanes: Lanes, maxRows: number, tuning: Tuning, limits: Limits): TileShape {
  const fitting: TileShape[] = [];
  for (const tile of tuning.prefill) {
    const { columns, rowThreads, rowsEach } = tile;
    if (columns * rowThreads > limits.workgroupThreads) continue;
    const registers = rowsEach * Math.ceil(lanes.VALUE_QUADS / columns) * 4;
    if (registers > tuning.outputRegisters) continue;
    const shape = [true, false]
      .flatMap((resident) =>
        [tuning.chunkQuads, 4, 2, 1].map((quads) =>
          prefillTile(lanes, tile, quads, resident, limits),
        ),
      )
      .find((shape) => shape !== undefined);
    if (shape !== undefined) fitting.push(shape);
  }
  const close = fitting.find(({ rows }) => rows < 2 * maxRows);
  const smallest = fitting.at(-1);
  if (smallest === undefined) throw new Error('no tile of prefill fits the device');
  return close ?? smallest;
}

function prefillTile(
  lanes: Lanes,
  { columns, rowThreads, rowsEach }: PrefillTile,
  chunkQuads: number,
  residentQueries: boolean,
  limits: Limits,
): TileShape | undefined {
  const rows = rowThreads * rowsEach;
  const keys = columns * KEYS_EACH;
  const subgroups = limits.subgroup >= columns;
  const chunkTexels = Math.max(1, Math.floor(chunkQuads / lanes.KV_QUADS));
  const chunk = chunkTexels * lanes.KV_QUADS;
  const keyStride = chunk | 1;
  const valueColumns = Math.ceil(lanes.VALUE_QUADS / columns);
  const valueStride = Math.max(valueColumns * columns, lanes.VALUE_TEXELS * lanes.KV_QUADS);
  let partKeys = keys;
  while (partKeys > KEYS_EACH && partKeys * valueStride > keys * keyStride) partKeys /= 2;
  const queryWidth = residentQueries ? lanes.KEY_TEXELS * lanes.KV_QUADS : chunk;
  const queryStride = queryWidth | 1;
  const constants = {
    ...lanes,
    ROWS: rows,
    KEYS: keys,
    THREADS: columns * rowThreads,
    COLUMNS: columns,
    ROWS_EACH: rowsEach,
    KEYS_EACH,
    VALUE_COLUMNS: valueColumns,
    CHUNK_TEXELS: chunkTexels,
    KEY_CHUNKS: Math.ceil(lanes.KEY_TEXELS / chunkTexels),
    KEY_STRIDE: keyStride,
    QUERY_WIDTH: queryWidth,
    QUERY_STRIDE: queryStride,
    QUERY_TILE: rows * queryStride,
    PART_KEYS: partKeys,
    VALUE_PARTS: keys / partKeys,
    VALUE_STRIDE: valueStride,
    KV_TILE: Math.max(keys * keyStride, partKeys * valueStride),
    WEIGHT_STRIDE: columns + 1,
    WEIGHT_TILE: rows * (columns + 1),
    PARTIALS: rows * columns,
  };
  const bytes =
    16 * (constants.QUERY_TILE + constants.KV_TILE + constants.WEIGHT_TILE) +
    rows * ROW_BYTES +
    4 * (keys + 1) +
    (subgroups ? 0 : 4 * constants.PARTIALS + 8 * rows);
  if (bytes > limits.workgroupBytes) return undefined;
  return { skeleton: 'prefill', rows, keys, subgroups, constants, residentQueries };
}

/** Keys of a thread: a vector of weights. */
const KEYS_EACH = 4;
/** One record of kernels/webgpu/batch.wgsl in workgroup memory. */
const ROW_BYTES = 32;

function decodeShape(
  lanes: Lanes,
  maxRows: number,
  { decode, outputRegisters }: Tuning,
  limits: Limits,
): TileShape | undefined {
  const threads = Math.min(decode.threads, limits.workgroupThreads);
  const { VALUE_TEXELS, KEY_TEXELS, KV_QUADS } = lanes;
  const valueColumns = Math.ceil(VALUE_TEXELS / threads);
  const perRow = valueColumns * KV_QUADS * 4;
  const most = Math.max(1, Math.min(decode.rows, Math.floor(outputRegisters / perRow)));
  const rows = Math.ceil(maxRows / Math.ceil(maxRows / most));
  const wanted = Math.min(decode.keyThreads, powerBelow(KEY_TEXELS));
  const subgroups = limits.subgroup >= wanted && wanted > 1;
  const keySlots = threads / wanted;
  const step = keySlots * decode.keysEach;
  const keys = Math.max(decode.keys, step);
  const valueThreads = Math.min(VALUE_TEXELS, threads);
  const constants = {
    ...lanes,
    ROWS: rows,
    KEYS: keys,
    THREADS: threads,
    QUERY_STRIDE: KEY_TEXELS * KV_QUADS,
    QUERY_TILE: rows * KEY_TEXELS * KV_QUADS,
    SCORES: rows * keys,
    PRODUCTS: rows * decode.keysEach * threads,
    KEY_THREADS: wanted,
    KEY_SLOTS: keySlots,
    KEYS_EACH: decode.keysEach,
    ROW_THREADS: Math.floor(threads / rows),
    VALUE_THREADS: valueThreads,
    VALUE_SLICES: Math.floor(threads / valueThreads),
    VALUE_COLUMNS: valueColumns,
    VALUES_EACH: decode.valuesEach,
  };
  const bytes =
    16 * (constants.QUERY_TILE + threads) +
    4 * (constants.SCORES + keys + threads + 2 * rows) +
    (subgroups ? 0 : 4 * constants.PRODUCTS);
  if (bytes > limits.workgroupBytes) return undefined;
  return { skeleton: 'decode', rows, keys, subgroups, constants, residentQueries: true };
}

function powerBelow(count: number): number {
  return 2 ** Math.floor(Math.log2(count));
}
