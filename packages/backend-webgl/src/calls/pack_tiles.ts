import type { AttentionProblem } from '@tfjs-attention/core/provider';
import type { Bindings } from '../device/draw.js';
import { PACKED_STEP } from '../schedule/batch_ints.js';
import { columnsSize, linesSize } from '../schedule/columns.js';
import { packedLine, TILE_KEYS } from '../shaders/tile_shape.js';
import { TextureKvStorage } from '../storage/kv_storage.js';
import type { TensorView } from '../tensors/input.js';
import type { AttentionPrograms } from './attention_programs.js';
import type { Call } from './call.js';
import { fillSheet } from './fill_sheet.js';
import type { KvArrays } from './pack_rows.js';
import type { UploadedBatch } from './upload_batch.js';

/** Where keys and values lie before. */
type Source = TextureKvStorage | readonly TensorView[];

/** The keys and values that a batch sees, copied to float32 tiles in the order in which prefill reads them. */
export function packTiles(
  call: Call,
  { params }: AttentionProblem,
  programs: AttentionPrograms,
  { packed }: UploadedBatch,
  common: Bindings,
  source: Source,
): KvArrays {
  const tiles = params.numKvHeads * packed.tiles;
  const pack = (half: 0 | 1) => {
    const line = packedLine(programs.shape, half === 0);
    const size =
      half === 0 ? columnsSize(tiles, line * TILE_KEYS) : linesSize(tiles, TILE_KEYS, line);
    const sheet = call.sheets(size.width, size.height, 1);
    const program = programs.get(half === 0 ? 'pack_keys' : 'pack_values');
    const { tensors, arrays } = readsOf(source, half);
    const bindings = { ...common, tensors, arrays: { ...common.arrays, ...arrays } };
    if (tiles > 0) fillSheet(call.device.gl, sheet, size, program, bindings, [packed.at, 0]);
    return sheet.all[0];
  };
  return { arrays: { keys: pack(0), values: pack(1) } };
}

/** What the program reads of keys (0) or values (1). */
function readsOf(source: Source, half: 0 | 1): Pick<Bindings, 'tensors' | 'arrays'> {
  if (!(source instanceof TextureKvStorage)) return { tensors: { rows: source[half] } };
  const { codes, tokenScales } = half === 0 ? source.key : source.value;
  return { arrays: { rows: codes.array, scales: tokenScales?.array } };
}

/** Whether tiles of all keys have room in a sheet. */
export function tilesFit({ params, ints }: AttentionProblem, line: number, side: number): boolean {
  let tiles = 0;
  for (const keys of ints.seqLens) tiles += Math.ceil(keys / TILE_KEYS);
  tiles = (tiles + PACKED_STEP) * params.numKvHeads;
  const columns = columnsSize(tiles, line * TILE_KEYS);
  const lines = linesSize(tiles, TILE_KEYS, line);
  return [columns.width, columns.height, lines.width, lines.height].every((size) => size <= side);
}
