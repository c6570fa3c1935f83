import { drawArea } from '../../device/draw.js';
import type { TextureArray } from '../../device/texture_array.js';
import type { OutputTensor } from '../../tensors/output.js';
import { fillFolded } from '../fill_folded.js';
import { bindPass, clear, sheetsNamed, type GradientDraws, type Pass, type Tiles } from './pass.js';

export type ScoreOperand = 'bias' | 'alibiSlopes' | 'qqBias';

/** Along which axes elements lie (1 = summed at once), and how many neighbours make one element of the gradient. */
interface Sums {
  readonly axes: readonly [number, number, number, number];
  readonly elements: number;
  readonly neighbours: number;
}

/** Gradients of what was added to scores. */
export class OfScores implements GradientDraws {
  private readonly sums: Sums;
  private before?: TextureArray;
  private after?: TextureArray;

  constructor(
    private readonly pass: Pass,
    private readonly output: OutputTensor,
    private readonly operand: ScoreOperand,
  ) {
    this.sums = sumsOf(pass, operand, output.size);
  }

  prepare(): void {
    const { elements } = this.sums;
    this.before = this.pass.call.folded('words', elements);
    this.after = this.pass.call.folded('words', elements);
    clear(this.pass, this.before);
  }

  add({ block, sheets, first, count }: Tiles): void {
    const { call, programs, bindings } = this.pass;
    const [before, after] = [this.before as TextureArray, this.after as TextureArray];
    const { axes, elements } = this.sums;
    const arrays = { ...sheetsNamed(sheets, 'gradients', 'gradients'), before };
    const tiles = [block.first, block.count, first, count];
    const all = {
      ...bindings,
      arrays: { ...bindings.arrays, ...arrays },
      ints: { ...bindings.ints, tiles, axes },
    };
    const program = programs.get(`d${this.operand}`);
    fillFolded(call.device.gl, after, elements, program, all, [elements]);
    [this.before, this.after] = [after, before];
  }

  endBlock(): void {
    // The next one goes on.
  }

  end(): void {
    const { call, programs } = this.pass;
    const { texture, width, height, size } = this.output;
    const sums = this.before as TextureArray;
    const pack = [this.sums.neighbours, width, size];
    bindPass(this.pass, programs.get('finish_scores'), { sums }, { pack });
    call.device.aimAt(texture);
    drawArea(call.device.gl, { x: 0, y: 0, width, height });
  }
}

/**
 * A sum over all keys stops at each query token and is ended by `finish_scores`: one fragment for all tokens would walk
 * every tile there is.
 */
function sumsOf({ problem: { params } }: Pass, operand: ScoreOperand, size: number): Sums {
  const { numSeqs, numHeads, maxQueryLen, maxSeqLen } = params;
  switch (operand) {
    case 'qqBias':
      return { axes: [1, 1, 1, 1], elements: size, neighbours: 1 };
    case 'alibiSlopes':
      return {
        axes: [1, numHeads, maxQueryLen, 1],
        elements: numHeads * maxQueryLen,
        neighbours: maxQueryLen,
      };
    case 'bias': {
      const along = (stride: number, length: number) => (stride === 0 ? 1 : length);
      const { biasStrideBatch, biasStrideHead, biasStrideToken, biasStrideKey } = params;
      const keys = along(biasStrideKey, maxSeqLen);
      const tokens = along(biasStrideToken, maxQueryLen);
      const axes = [
        along(biasStrideBatch, numSeqs),
        along(biasStrideHead, numHeads),
        keys === 1 ? maxQueryLen : tokens,
        keys,
      ] as const;
      const elements = axes.reduce((product, axis) => product * axis, 1);
      return { axes, elements, neighbours: keys === 1 && tokens === 1 ? maxQueryLen : 1 };
    }
  }
}
