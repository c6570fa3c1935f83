import type { TensorInfo } from '@tensorflow/tfjs-core';
import { CapacityError, type AttentionProblem } from '@tfjs-attention/core/provider';
import type { Device } from '../device/device.js';
import { bind, drawArea, type Bindings } from '../device/draw.js';
import type { Readable, Sheets } from '../device/sheets.js';
import type { TextureArray } from '../device/texture_array.js';
import { cutBlocks, type GroupBlock } from '../schedule/blocks.js';
import { columnsSize } from '../schedule/columns.js';
import { texelsPerRow } from '../shaders/tile_shape.js';
import { packParams } from '../shaders/params.js';
import type { TextureKvStorage } from '../storage/kv_storage.js';
import type { TensorView } from '../tensors/input.js';
import type { OutputTensor } from '../tensors/output.js';
import { attentionPrograms, type AttentionPrograms } from './attention_programs.js';
import { runCall, type Call } from './call.js';
import { fillSheet } from './fill_sheet.js';
import { outputRows } from './output_rows.js';
import { batchUniforms, uploadBatch, type UploadedBatch } from './upload_batch.js';
import { packRows } from './pack_rows.js';
import { packTiles, tilesFit } from './pack_tiles.js';

const TENSORS = ['q', 'bias', 'mask', 'alibiSlopes', 'sinks', 'qqBias'] as const;

export type AttentionInputs = Readonly<
  Partial<Record<'k' | 'v' | (typeof TENSORS)[number], TensorInfo>>
>;

/** Texels of weights in all layers: 32 MiB, and a draw of some milliseconds. */
const WEIGHT_TEXELS = 2 ** 21;
const BUSY_FRAGMENTS = 2 ** 13;

/** Dense attention, or attention over a cache: output, then lse where the spec asks for it. */
export function attention(
  device: Device,
  problem: AttentionProblem,
  inputs: AttentionInputs,
  storage?: TextureKvStorage,
): TensorInfo[] {
  return runCall(device, problem.op, (call) => {
    const programs = attentionPrograms(device, problem.spec, readsTiles(problem, device));
    const tensors: NonNullable<Bindings['tensors']> = Object.fromEntries(
      TENSORS.map((name) => [name, inputs[name] && call.input(inputs[name])]),
    );
    const dense = denseInputs(call, inputs);
    const output = call.output(problem.outputShape);
    const lse = problem.spec.returnLse ? call.output(problem.lseShape) : undefined;
    const batch = uploadBatch(call, problem, programs.shape);
    device.run(problem.op, () => {
      const common: Bindings = {
        tensors,
        arrays: { ints: batch.texture, headScales: storage?.headScales },
        ints: batchUniforms(problem, batch),
        params: packParams(problem.params),
      };
      const { arrays } = programs.shape.tiled
        ? packTiles(call, problem, programs, batch, common, storage ?? dense)
        : (storage ?? packRows(call, problem, dense));
      const bindings: Bindings = { ...common, arrays: { ...common.arrays, ...arrays } };
      new AttentionDraws(call, problem, programs, batch, bindings).run(output, lse);
    });
  });
}

function denseInputs(call: Call, { k, v }: AttentionInputs): readonly TensorView[] {
  return k && v ? [call.input(k), call.input(v)] : [];
}

/** Rows of a sequence for a KV head from which on copying its keys and values costs less than reading them as they lie. */
const MANY_ROWS = 32;

function readsTiles(problem: AttentionProblem, { limits }: Device): boolean {
  const { spec, params } = problem;
  if (spec.phase === 'decode') return false;
  if (spec.kv.kind === 'paged' && params.maxQueryLen * spec.queriesPerKv < MANY_ROWS) return false;
  const line = texelsPerRow(Math.max(spec.headSize, spec.valueHeadSize) + 4, 1);
  return tilesFit(problem, line, limits.maxTextureSize);
}

/** The draws of one call. */
class AttentionDraws {
  private readonly gl: WebGL2RenderingContext;

  constructor(
    private readonly call: Call,
    private readonly problem: AttentionProblem,
    private readonly programs: AttentionPrograms,
    private readonly batch: UploadedBatch,
    private readonly bindings: Bindings,
  ) {
    this.gl = call.device.gl;
  }

  run(output: OutputTensor, lse: OutputTensor | undefined): void {
    const { shape } = this.programs;
    const { maxTextureSize } = this.call.device.limits;
    const layers = 2 * shape.rows;
    const stateLayers = shape.quads * shape.rows;
    const { numKvHeads } = this.problem.params;
    const queries = this.packQueries();
    const blocks = cutBlocks(this.batch, shape, numKvHeads, {
      maxTextureSize,
      weightTexels: WEIGHT_TEXELS / layers,
      fragments: BUSY_FRAGMENTS,
    });
    const most = (size: (block: GroupBlock) => number) => Math.max(...blocks.map(size));
    const height = most(({ count }) => count) * numKvHeads;
    const weights = this.call.sheets(
      most(({ tilesPerSplit, splitsAtOnce }) => tilesPerSplit * splitsAtOnce),
      height,
      layers,
    );
    const columns = shape.valueBlocks + 1;
    const state = this.call.plain(most(({ splits }) => splits) * columns, height, stateLayers);
    for (const block of blocks) {
      for (let split = 0; split < block.splits; split += block.splitsAtOnce) {
        this.weigh(block, split, queries, weights);
        this.multiply(block, split, weights, state);
      }
      this.finish(block, state, output, 'finish');
      if (lse) this.finish(block, state, lse, 'finish_lse');
    }
  }

  private packQueries(): Readable {
    const { rows, keyTexels, kvQuads } = this.programs.shape;
    const { numGroups } = this.batch;
    const high = keyTexels * kvQuads * rows;
    const size = columnsSize(this.problem.params.numKvHeads * numGroups, high);
    const { maxTextureSize } = this.call.device.limits;
    if (size.height > maxTextureSize) {
      throw new CapacityError(
        `the queries take ${size.height} rows of a texture, this device has ${maxTextureSize}; split the batch`,
      );
    }
    const sheet = this.call.sheets(size.width, size.height, 1);
    const program = this.programs.get('pack_queries');
    fillSheet(this.gl, sheet, size, program, this.bindings, [numGroups, high]);
    return sheet.all[0];
  }

  /** Scores of the tiles of splits from `split` on, as many as fit. */
  private weigh(
    { first, count, tiles, tilesPerSplit, splitsAtOnce }: GroupBlock,
    split: number,
    queries: Readable,
    weights: Sheets,
  ): void {
    const firstTile = split * tilesPerSplit;
    const program = this.programs.get('weights');
    this.bind(program, { queries }, [first, count, firstTile, this.batch.numGroups]);
    this.gl.bindFramebuffer(this.gl.FRAMEBUFFER, weights.framebuffer);
    drawArea(this.gl, {
      x: 0,
      y: 0,
      width: Math.min(tiles - firstTile, tilesPerSplit * splitsAtOnce),
      height: count * this.problem.params.numKvHeads,
    });
  }

  /** Weighted values of the same splits. */
  private multiply(
    { first, count, tilesPerSplit, splits, splitsAtOnce }: GroupBlock,
    split: number,
    weights: Sheets,
    state: TextureArray,
  ): void {
    const columns = this.programs.shape.valueBlocks + 1;
    const program = this.programs.get('values');
    this.bind(program, weightsByName(weights), [
      first,
      count,
      split * tilesPerSplit,
      tilesPerSplit,
    ]);
    this.aimAt(state);
    drawArea(this.gl, {
      x: split * columns,
      y: 0,
      width: Math.min(splits - split, splitsAtOnce) * columns,
      height: count * this.problem.params.numKvHeads,
    });
  }

  private finish(
    block: GroupBlock,
    state: TextureArray,
    output: OutputTensor,
    stage: 'finish' | 'finish_lse',
  ): void {
    const { first, count, splits } = block;
    const { texture, width, size } = output;
    const program = this.programs.get(stage);
    this.bind(program, { state }, [first, count, splits, width], { size });
    this.call.device.aimAt(texture);
    const { numHeads, valueHeadSize } = this.problem.params;
    const perToken = stage === 'finish' ? numHeads * valueHeadSize : numHeads;
    drawArea(this.gl, {
      x: 0,
      width,
      ...outputRows(this.problem, this.batch, block, perToken, output),
    });
  }

  private bind(
    program: Parameters<typeof bind>[1],
    arrays: Readonly<Record<string, Readable>>,
    tiles: readonly [number, number, number, number],
    ints: Readonly<Record<string, number>> = {},
  ): void {
    const { bindings } = this;
    bind(this.gl, program, {
      ...bindings,
      arrays: { ...bindings.arrays, ...arrays },
      ints: { ...bindings.ints, ...ints, tiles },
    });
  }

  private aimAt(array: TextureArray): void {
    const { gl } = this;
    gl.bindFramebuffer(gl.FRAMEBUFFER, array.framebuffer(0, array.layers));
  }
}

/** The sheets that `weights` writes, as `values` calls them. */
function weightsByName({ all }: Sheets): Record<string, Readable> {
  return Object.fromEntries(all.map((sheet, i) => [`weights${i >> 1}_${i & 1}`, sheet]));
}
