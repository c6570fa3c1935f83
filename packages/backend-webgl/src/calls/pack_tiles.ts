import type { AttentionProblem } from '@tfjs-attention/core/provider';
import type { Bindings } from '../device/draw.js';
import { texelsPerRow, TILE_KEYS } from '../shaders/tile_shape.js';
import { TextureKvStorage } from '../storage/kv_storage.js';
import type { TensorView } from '../tensors/input.js';
import type { AttentionPrograms } from './attention_programs.js';
import type { Call } from './call.js';
import { fillFolded } from './fill_folded.js';
import type { KvArrays } from './pack_rows.js';
import type { UploadedBatch } from './upload_batch.js';

/** Where keys and values lie before. */
type Source = TextureKvStorage | readonly TensorView[];

/** The keys and values that a batch sees, copied to float32 tiles in the order in which prefill reads them. */
export function packTiles(
  call: Call,
  { spec, params }: AttentionProblem,
  programs: AttentionPrograms,
  { packed }: UploadedBatch,
  common: Bindings,
  source: Source,
): KvArrays {
  const pack = (half: 0 | 1) => {
    const size = half === 0 ? spec.headSize : spec.valueHeadSize;
    const count = params.numKvHeads * packed.tiles * TILE_KEYS * texelsPerRow(size, 1);
    const target = call.folded('texels', count);
    const program = programs.get(half === 0 ? 'pack_keys' : 'pack_values');
    const { tensors, arrays } = readsOf(source, half);
    const bindings = { ...common, tensors, arrays: { ...common.arrays, ...arrays } };
    fillFolded(call.device.gl, target, count, program, bindings, [packed.at]);
    return target;
  };
  return { arrays: { keys: pack(0), values: pack(1) } };
}

/** What the program reads of keys (0) or values (1). */
function readsOf(source: Source, half: 0 | 1): Pick<Bindings, 'tensors' | 'arrays'> {
  if (!(source instanceof TextureKvStorage)) return { tensors: { rows: source[half] } };
  const { codes, tokenScales } = half === 0 ? source.key : source.value;
  return { arrays: { rows: codes.array, scales: tokenScales?.array } };
}
