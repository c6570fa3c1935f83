import type { VllmConfig } from '../../config.js';
import { check, checkInt } from '../../problem/checks.js';
import type { Precision } from '../../problem/spec.js';
import { bytesPerElement } from '../dtypes.js';
import { KvCacheSpec } from './base.js';

export interface MambaSpecOptions {
  /** Tokens between two states that are kept. */
  blockSize: number;
  /** Shape of each state tensor of a layer. */
  shapes: readonly (readonly number[])[];
  /** Type of each. */
  dtypes: readonly Precision[];
  /** Bytes to round a block up to. Default: no padding. */
  pageSizePadded?: number | null;
  /** Default 'mamba2'. */
  mambaType?: string;
  /** Blocks for the states after proposed tokens. Default 0. */
  numSpeculativeBlocks?: number;
}

/** A recurrent layer: a block holds one state, whatever it has seen (vLLM `MambaSpec`). */
export class MambaSpec extends KvCacheSpec {
  readonly shapes: readonly (readonly number[])[];
  readonly dtypes: readonly Precision[];
  readonly pageSizePadded: number | null;
  readonly mambaType: string;
  readonly numSpeculativeBlocks: number;

  constructor(options: MambaSpecOptions) {
    super(options);
    const { shapes, dtypes, pageSizePadded = null, numSpeculativeBlocks = 0 } = options;
    check(
      shapes?.length > 0 && shapes.length === dtypes?.length,
      'MambaSpec',
      `shapes and dtypes must have one entry a state, got ${shapes?.length} and ${dtypes?.length}`,
    );
    shapes.flat().forEach((size) => checkInt(size, 'MambaSpec', 'shapes', 1));
    checkInt(numSpeculativeBlocks, 'MambaSpec', 'numSpeculativeBlocks', 0);
    this.shapes = shapes;
    this.dtypes = dtypes;
    this.pageSizePadded = pageSizePadded;
    this.mambaType = options.mambaType ?? 'mamba2';
    this.numSpeculativeBlocks = numSpeculativeBlocks;
    this.pageSizeBytes();
  }

  override pageSizeBytes(): number {
    const bytes = this.shapes.reduce(
      (sum, shape, i) =>
        sum + shape.reduce((size, axis) => size * axis, 1) * bytesPerElement(this.dtypes[i]),
      0,
    );
    const padded = this.pageSizePadded ?? bytes;
    check(
      padded >= bytes,
      'MambaSpec',
      `pageSizePadded ${padded} is less than the ${bytes} bytes of its states`,
    );
    return padded;
  }

  override maxMemoryUsageBytes({ modelConfig }: VllmConfig): number {
    return Math.ceil(modelConfig.maxModelLen / this.blockSize) * this.pageSizeBytes();
  }
}
