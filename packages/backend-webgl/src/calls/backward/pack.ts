import { CapacityError, type AttentionParams } from '@tfjs-attention/core/provider';
import type { Readable } from '../../device/sheets.js';
import { columnsSize, linesSize, type SheetSize } from '../../schedule/columns.js';
import { keyLines, type BackwardPack } from '../../shaders/backward_variant.js';
import { packParams } from '../../shaders/params.js';
import { TILE_KEYS } from '../../shaders/tile_shape.js';
import type { Program } from '../../device/program.js';
import type { Bindings } from '../../device/draw.js';
import type { TensorView } from '../../tensors/input.js';
import { fillSheet } from '../fill_sheet.js';
import type { Pass } from './pass.js';

/** Rows of queries, each group a column. */
export function packQueries(pass: Pass, q: TensorView): Readable {
  const { programs, problem } = pass;
  return packRows(pass, q, programs.shape.keyLine, problem.params);
}

/** Rows of gradients of the output, as queries lie. */
export function packOutputGradients(pass: Pass, dout: TensorView): Readable {
  const { programs, problem } = pass;
  const { params } = problem;
  return packRows(pass, dout, programs.shape.valueLine, {
    ...params,
    headSize: params.valueHeadSize,
    qStrideBatch: params.outStrideBatch,
    qStrideToken: params.outStrideToken,
    qStrideHead: params.outStrideHead,
  });
}

function packRows(pass: Pass, q: TensorView, line: number, params: AttentionParams): Readable {
  const { programs, batch, bindings } = pass;
  const high = line * programs.shape.rows;
  const size = columnsSize(params.numKvHeads * batch.numGroups, high);
  const all = { ...bindings, tensors: { q }, params: packParams(params) };
  return fill(pass, size, programs.pack('rows'), all, [batch.numGroups, high]);
}

/** What a row's weights are made from beside its scores. */
export function packFacts(pass: Pass, tensors: Bindings['tensors']): Readable {
  const { programs, problem, batch, bindings } = pass;
  const { rows } = programs.shape;
  const size = columnsSize(problem.params.numKvHeads * batch.numGroups, rows);
  return fill(pass, size, programs.get('facts'), { ...bindings, tensors }, [batch.numGroups, rows]);
}

/** Keys or values, each tile a column. */
export function packColumns(pass: Pass, of: 'keys' | 'values', rows: TensorView): Readable {
  const { keyLine, valueLine } = pass.programs.shape;
  const line = of === 'keys' ? keyLine : valueLine;
  return packTiles(pass, of, rows, columnsSize(tilesOf(pass), line * TILE_KEYS));
}

/** Keys a second time, a key below the other. */
export function packKeyLines(pass: Pass, k: TensorView): Readable {
  const { line } = keyLines(pass.problem.spec, pass.programs.shape);
  return packTiles(pass, 'key_lines', k, linesSize(tilesOf(pass), TILE_KEYS, line));
}

function packTiles(pass: Pass, of: BackwardPack, rows: TensorView, size: SheetSize): Readable {
  const { programs, batch, bindings } = pass;
  return fill(pass, size, programs.pack(of), { ...bindings, tensors: { rows } }, [
    batch.packed.at,
    0,
  ]);
}

function tilesOf({ problem, batch }: Pass): number {
  return problem.params.numKvHeads * batch.packed.tiles;
}

function fill(
  { call }: Pass,
  size: SheetSize,
  program: Program,
  bindings: Bindings,
  pack: readonly [number, number],
): Readable {
  const { maxTextureSize } = call.device.limits;
  if (Math.max(size.width, size.height) > maxTextureSize) {
    throw new CapacityError(
      `gradients need a texture of ${size.width} x ${size.height}, this device has ${maxTextureSize}; split the batch`,
    );
  }
  const sheet = call.sheets(size.width, size.height, 1);
  fillSheet(call.device.gl, sheet, size, program, bindings, pack);
  return sheet.all[0];
}
