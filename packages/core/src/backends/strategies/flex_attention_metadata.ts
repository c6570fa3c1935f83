import { keep, type Tensor } from '@tensorflow/tfjs-core';
import { AttentionMetadataBuilder } from '../../metadata/builder.js';
import type { CommonAttentionMetadata } from '../../metadata/common_attention_metadata.js';
import { check } from '../../problem/checks.js';
import type { AttentionPlan } from '../../utils/plan_attention.js';
import { type PlanResource } from '../../utils/plan_attention.js';
import { BlockMask, type BlockMaskSize } from '../block_mask.js';
import {
  andMasks,
  bidirectionalMaskMod,
  causalMaskMod,
  slidingWindowMaskMod,
  type MaskMod,
} from '../mask_mods.js';
import {
  metadataOptions,
  PagedAttentionMetadata,
  type PagedMetadataOptions,
} from './paged_metadata.js';

export interface FlexMetadataOptions extends PagedMetadataOptions {
  /** Default causalMaskMod, or bidirectionalMaskMod in a step that is not causal. */
  logicalMaskMod?: MaskMod;
  /** Tokens of a block that is judged as a whole; default [16, 16]. */
  maskBlockSize?: BlockMaskSize;
}

/** A step as FLEX_ATTENTION serves it: which keys are visible is a function (vLLM `FlexAttentionMetadata`). */
export class FlexAttentionMetadata extends PagedAttentionMetadata {
  /** Of logical positions, as everything here: pages need no mapping, since kernels follow the block table. */
  readonly logicalMaskMod: MaskMod;
  readonly maskBlockSize: BlockMaskSize;

  constructor(options: FlexMetadataOptions) {
    super(options);
    this.logicalMaskMod =
      options.logicalMaskMod ?? (this.causal ? causalMaskMod : bidirectionalMaskMod);
    this.maskBlockSize = options.maskBlockSize ?? [16, 16];
  }

  get qBlockSize(): number {
    return this.maskBlockSize[0];
  }

  get kvBlockSize(): number {
    return this.maskBlockSize[1];
  }

  /** The step's mask function, within a window of keys where there is one. */
  getMaskMod(slidingWindow: number | null = null): MaskMod {
    return slidingWindow === null
      ? this.logicalMaskMod
      : andMasks(this.logicalMaskMod, this.getSlidingWindowMaskMod(slidingWindow));
  }

  getCausalMaskMod(): MaskMod {
    return causalMaskMod;
  }

  getBidirectionalMaskMod(): MaskMod {
    return bidirectionalMaskMod;
  }

  getSlidingWindowMaskMod(slidingWindow: number): MaskMod {
    return slidingWindowMaskMod(slidingWindow);
  }

  /** Evaluates a mask function for this step; `heads` > 1 tells heads apart. */
  buildBlockMask(maskMod: MaskMod = this.getMaskMod(), heads = 1): BlockMask {
    return buildBlockMask(this, maskMod, heads, this.maskBlockSize);
  }
}

/** Builds FLEX_ATTENTION's metadata; set `logicalMaskMod` for another mask than causal. */
export class FlexAttentionMetadataBuilder extends AttentionMetadataBuilder<FlexAttentionMetadata> {
  logicalMaskMod: MaskMod | undefined;

  override build(_commonPrefixLen: number, common: CommonAttentionMetadata): FlexAttentionMetadata {
    return new FlexAttentionMetadata({
      ...metadataOptions(common),
      logicalMaskMod: this.logicalMaskMod,
    });
  }
}

function buildBlockMask(
  plan: AttentionPlan,
  maskMod: MaskMod,
  heads: number,
  blockSize?: BlockMaskSize,
): BlockMask {
  return new BlockMask(maskMod, {
    queryLens: plan.seqLens.map((_, b) => plan.queryStartLoc[b + 1] - plan.queryStartLoc[b]),
    kvLens: plan.seqLens,
    queryOffsets: plan.queryOffsets,
    heads,
    blockSize,
  });
}

/** A mask evaluated for a plan, as a tensor; all layers of a step share it. */
export class PlanMask implements PlanResource {
  readonly tensor: Tensor;
  readonly windowLeft: number;
  readonly windowRight: number;

  private constructor(mask: BlockMask) {
    this.tensor = keep(mask.toTensor());
    this.windowLeft = mask.windowLeft;
    this.windowRight = mask.windowRight;
  }

  /** @throws InvalidArgumentError where layers of different head counts share a mask that tells heads apart. */
  static of(plan: AttentionPlan, maskMod: MaskMod, numHeads: number): PlanMask {
    const heads = maskMod.perHead === true ? numHeads : 1;
    const size = plan instanceof FlexAttentionMetadata ? plan.maskBlockSize : undefined;
    const found = plan.resource(
      maskMod,
      () => new PlanMask(buildBlockMask(plan, maskMod, heads, size)),
    );
    check(
      found.tensor.shape[0] === heads,
      'FLEX_ATTENTION',
      `the mask function was evaluated for ${found.tensor.shape[0]} heads in this step, this layer has ${heads}`,
    );
    return found;
  }

  dispose(): void {
    this.tensor.dispose();
  }
}

/**
 * The inverse of a block table (vLLM `physical_to_logical_mapping`): `[B, totalBlocks]`, which logical block of request b a
 * physical block is, -1 where it is none. Block 0 is the null block and never one.
 */
export function physicalToLogicalMapping(
  blockTable: Int32Array,
  seqLens: Int32Array,
  blockSize: number,
  totalBlocks: number,
): Int32Array {
  const width = blockTable.length / seqLens.length;
  const mapping = new Int32Array(seqLens.length * totalBlocks).fill(-1);
  seqLens.forEach((length, b) => {
    for (let logical = 0; logical < Math.ceil(length / blockSize); logical++) {
      const physical = blockTable[b * width + logical];
      check(
        physical >= 0 && physical < totalBlocks,
        'physicalToLogicalMapping',
        `blockTable[${b}][${logical}] = ${physical} is outside blocks 0 to ${totalBlocks - 1}`,
      );
      if (physical > 0) mapping[b * totalBlocks + physical] = logical;
    }
  });
  return mapping;
}
