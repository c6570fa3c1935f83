import type { AttentionProblem } from '@tfjs-attention/core/provider';
import type { Readable } from '../device/sheets.js';
import { texelsPerRow } from '../shaders/tile_shape.js';
import type { TensorView } from '../tensors/input.js';
import { coverProgram } from './programs.js';
import type { Call } from './call.js';
import { fillFolded } from './fill_folded.js';

/** What a program reads of keys and values, by its uniforms. */
export interface KvArrays {
  readonly arrays: Readonly<Record<string, Readable>>;
}

/** Dense keys and values as quads of lanes, which a fragment fetches at once. */
export function packRows(
  call: Call,
  { params }: AttentionProblem,
  [keys, values]: readonly TensorView[],
): KvArrays {
  const { numSeqs, maxSeqLen, numKvHeads, headSize, valueHeadSize } = params;
  const numRows = numSeqs * maxSeqLen * numKvHeads;
  const program = coverProgram(call.device, 'pack_rows');
  const pack = (rows: TensorView, size: number) => {
    const quads = texelsPerRow(size, 1);
    const target = call.folded('texels', numRows * quads);
    const numbers = [quads, size, numRows] as const;
    fillFolded(call.device.gl, target, numRows * quads, program, { tensors: { rows } }, numbers);
    return target;
  };
  return { arrays: { keys: pack(keys, headSize), values: pack(values, valueHeadSize) } };
}
