import type { TensorInfo } from '@tensorflow/tfjs-core';
import type {
  AttentionProblem,
  BackwardTensors,
  GradientName,
} from '@tfjs-attention/core/provider';
import type { Device } from '../../device/device.js';
import { drawArea, type Bindings } from '../../device/draw.js';
import type { Readable, Sheets } from '../../device/sheets.js';
import { cutBlocks, type GroupBlock } from '../../schedule/blocks.js';
import { packParams } from '../../shaders/params.js';
import type { TensorView } from '../../tensors/input.js';
import type { OutputTensor } from '../../tensors/output.js';
import type { AttentionInputs } from '../attention.js';
import { runCall } from '../call.js';
import { batchUniforms, uploadBatch } from '../upload_batch.js';
import { OfKeys } from './of_keys.js';
import { OfQueries } from './of_queries.js';
import { OfScores } from './of_scores.js';
import { packColumns, packFacts, packOutputGradients, packQueries } from './pack.js';
import { bindPass, SHEETS_PER_ROW, type GradientDraws, type Pass } from './pass.js';
import { backwardPrograms } from './programs.js';

type BackwardInputs = AttentionInputs & { readonly [name in keyof BackwardTensors]: TensorInfo };

/** Texels of weights and gradients in all sheets: 32 MiB, and a draw of some milliseconds. */
const SHEET_TEXELS = 2 ** 21;
const BUSY_FRAGMENTS = 2 ** 13;

/** Gradients of dense attention with respect to the wanted operands, each in its operand's shape. */
export function backward(
  device: Device,
  problem: AttentionProblem,
  inputs: BackwardInputs,
  wants: readonly GradientName[],
): TensorInfo[] {
  return runCall(device, problem.op, (call) => {
    const programs = backwardPrograms(device, problem.spec);
    const views = Object.fromEntries(
      Object.entries(inputs).map(([name, info]) => [name, call.input(info)]),
    ) as Readonly<Record<keyof BackwardInputs, TensorView>>;
    const outputs = wants.map((name) => call.output((inputs[name] as TensorInfo).shape));
    const batch = uploadBatch(call, problem, programs.shape);
    device.run(`${problem.op} gradients`, () => {
      const bindings: Bindings = {
        tensors: views,
        arrays: { ints: batch.texture },
        ints: batchUniforms(problem, batch),
        params: packParams(problem.params),
      };
      new BackwardDraws({ call, problem, programs, batch, bindings }, views).run(wants, outputs);
    });
  });
}

/** The draws of one call. */
class BackwardDraws {
  private readonly queries: Readable;
  private readonly outputGradients: Readable;
  private readonly arrays: Readonly<Record<string, Readable>>;

  constructor(
    private readonly pass: Pass,
    private readonly views: Readonly<Record<keyof BackwardInputs, TensorView>>,
  ) {
    const { q, k, v, out, lse, dout, dlse } = views;
    this.queries = packQueries(pass, q);
    this.outputGradients = packOutputGradients(pass, dout);
    const tensors = { ...views, outputs: out, lses: lse, douts: dout, dlses: dlse };
    this.arrays = {
      rows0: this.queries,
      rows1: this.outputGradients,
      keys0: packColumns(pass, 'keys', k),
      keys1: packColumns(pass, 'values', v),
      facts: packFacts(pass, tensors),
    };
  }

  /** Gradients by products and gradients by scores are different numbers: a round for each that is wanted. */
  run(wants: readonly GradientName[], outputs: readonly OutputTensor[]): void {
    const byProducts: GradientDraws[] = [];
    const byScores: GradientDraws[] = [];
    wants.forEach((name, i) => {
      switch (name) {
        case 'q':
          return byProducts.push(new OfQueries(this.pass, outputs[i], this.views.k));
        case 'k':
          return byProducts.push(new OfKeys(this.pass, outputs[i], 'dk', this.queries));
        case 'v':
          return byProducts.push(new OfKeys(this.pass, outputs[i], 'dv', this.outputGradients));
        case 'bias':
        case 'alibiSlopes':
        case 'qqBias':
          return byScores.push(new OfScores(this.pass, outputs[i], name));
      }
    });
    this.round('weights', byProducts);
    this.round('scores', byScores);
  }

  private round(stage: 'weights' | 'scores', gradients: readonly GradientDraws[]): void {
    if (gradients.length === 0) return;
    const { call, problem, programs, batch } = this.pass;
    const { numKvHeads } = problem.params;
    const count = programs.shape.rows * SHEETS_PER_ROW;
    const blocks = cutBlocks(batch, programs.shape, numKvHeads, {
      maxTextureSize: call.device.limits.maxTextureSize,
      weightTexels: SHEET_TEXELS / count,
      fragments: BUSY_FRAGMENTS,
    });
    const most = (size: (block: GroupBlock) => number) => Math.max(...blocks.map(size));
    const width = most(({ tilesPerSplit, splitsAtOnce }) => tilesPerSplit * splitsAtOnce);
    const sheets = call.sheets(width, most((block) => block.count) * numKvHeads, count);
    for (const gradient of gradients) gradient.prepare(blocks);
    for (const block of blocks) {
      for (let split = 0; split < block.splits; split += block.splitsAtOnce) {
        const splits = Math.min(block.splits - split, block.splitsAtOnce);
        const first = split * block.tilesPerSplit;
        const tiles = Math.min(block.tiles - first, splits * block.tilesPerSplit);
        this.weigh(stage, block, sheets, first, tiles);
        for (const gradient of gradients) {
          gradient.add({ block, sheets, first, count: tiles, split, splits });
        }
      }
      for (const gradient of gradients) gradient.endBlock(block);
    }
    for (const gradient of gradients) gradient.end();
  }

  private weigh(
    stage: 'weights' | 'scores',
    { first, count }: GroupBlock,
    sheets: Sheets,
    firstTile: number,
    width: number,
  ): void {
    const { call, problem, programs, batch } = this.pass;
    const { gl } = call.device;
    const tiles = [first, count, firstTile, batch.numGroups];
    bindPass(this.pass, programs.get(stage), this.arrays, { tiles });
    gl.bindFramebuffer(gl.FRAMEBUFFER, sheets.framebuffer);
    drawArea(gl, { x: 0, y: 0, width, height: count * problem.params.numKvHeads });
  }
}
