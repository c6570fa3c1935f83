import { keep, tensor2d, type Tensor2D } from '@tensorflow/tfjs-core';
import { AttentionMetadataBuilder } from '../../metadata/builder.js';
import type { CommonAttentionMetadata } from '../../metadata/common_attention_metadata.js';
import { check, checkInt } from '../../problem/checks.js';
import type { PlanResource } from '../../utils/plan_attention.js';
import { checkCausal, metadataOptions, type PagedMetadataOptions } from './paged_metadata.js';
import { splitCounts, SplitAttentionMetadata, type SplitCounts } from './split_metadata.js';
import { prepareTreeAttnBias, sortTreeChoices, type TreeChoices } from './tree_bias.js';

const OP = 'TreeAttentionMetadataBuilder';

/** A square bias on the host. */
export interface TreeAttnBias {
  readonly size: number;
  /** `[size, size]` row-major. */
  readonly values: Float32Array;
}

export interface TreeMetadataOptions extends PagedMetadataOptions, SplitCounts {
  /** Among the tokens of each decode; null (default) = they are causal as all others. */
  treeAttnBias?: TreeAttnBias | null;
}

class BiasTensor implements PlanResource {
  readonly tensor: Tensor2D;

  constructor({ size, values }: TreeAttnBias) {
    this.tensor = keep(tensor2d(values, [size, size]));
  }

  dispose(): void {
    this.tensor.dispose();
  }
}

/** A step in which each decode is a tree of proposed tokens (vLLM `TreeAttentionMetadata`). */
export class TreeAttentionMetadata extends SplitAttentionMetadata {
  readonly treeAttnBias: TreeAttnBias | null;

  constructor(options: TreeMetadataOptions) {
    super(options);
    const bias = options.treeAttnBias ?? null;
    check(
      bias === null || bias.values.length === bias.size ** 2,
      'TreeAttentionMetadata',
      `treeAttnBias must be square: size ${bias?.size} needs ${(bias?.size ?? 0) ** 2} values, got ${bias?.values.length}`,
    );
    this.treeAttnBias = bias;
  }

  /** The bias on the device, uploaded once a step; null without one. */
  qqBias(): Tensor2D | null {
    const bias = this.treeAttnBias;
    return bias === null ? null : this.resource(bias, () => new BiasTensor(bias)).tensor;
  }
}

/**
 * Builds TREE_ATTN's metadata. The tree is `speculativeConfig.speculativeTokenTree`, default `[[0]]`; requests of at most
 * 1 + nodes query tokens are decodes and must come first.
 */
export class TreeAttentionMetadataBuilder extends AttentionMetadataBuilder<TreeAttentionMetadata> {
  readonly treeChoices: TreeChoices;
  readonly treeAttnBias: TreeAttnBias;
  /** Of the step that is built; null = plain causal. */
  private stepBias: TreeAttnBias | null;

  constructor(...args: ConstructorParameters<typeof AttentionMetadataBuilder>) {
    super(...args);
    this.treeChoices = sortTreeChoices(
      this.vllmConfig.speculativeConfig?.speculativeTokenTree ?? [[0]],
    );
    const values = prepareTreeAttnBias(this.treeChoices);
    this.treeAttnBias = { size: this.treeChoices.length + 1, values };
    this.stepBias = this.treeAttnBias;
    this.reorderBatchThreshold = this.treeAttnBias.size;
  }

  /** @throws InvalidArgumentError for a tree behind a longer request: it would be served as a prefill. */
  override build(_commonPrefixLen: number, common: CommonAttentionMetadata): TreeAttentionMetadata {
    const { stepBias } = this;
    checkCausal(OP, common);
    const counts = stepBias === null ? { numDecodes: 0 } : splitCounts(common, stepBias.size);
    if (stepBias !== null) checkTreesFirst(common, counts.numDecodes, stepBias.size);
    return new TreeAttentionMetadata({
      ...metadataOptions(common),
      ...counts,
      treeAttnBias: stepBias,
    });
  }

  /**
   * Step `draftIndex` of proposing tokens level by level: the root is plain causal attention, later levels see each other
   * as the tree without its root says, as far as the longest query of the step.
   */
  override buildForDrafting(
    common: CommonAttentionMetadata,
    draftIndex: number,
  ): TreeAttentionMetadata {
    if (draftIndex === 0) return this.buildWith(null, common);
    checkInt(draftIndex, OP, 'draftIndex', 0);
    const { size, values } = this.treeAttnBias;
    const end = Math.min(size, 1 + common.maxQueryLen);
    const rows = Array.from({ length: end - 1 }, (_, i) =>
      Array.from(values.subarray((i + 1) * size + 1, (i + 1) * size + end)),
    );
    return this.buildWith({ size: end - 1, values: Float32Array.from(rows.flat()) }, common);
  }

  /** Through `build`, which a derived builder may have changed. */
  private buildWith(
    stepBias: TreeAttnBias | null,
    common: CommonAttentionMetadata,
  ): TreeAttentionMetadata {
    this.stepBias = stepBias;
    try {
      return this.build(0, common);
    } finally {
      this.stepBias = this.treeAttnBias;
    }
  }
}

function checkTreesFirst(
  { queryStartLoc, numReqs }: CommonAttentionMetadata,
  numDecodes: number,
  treeSize: number,
): void {
  for (let r = numDecodes; r < numReqs; r++) {
    const length = queryStartLoc[r + 1] - queryStartLoc[r];
    check(
      length < 2 || length > treeSize,
      OP,
      `request ${r} has ${length} query tokens, a tree of at most ${treeSize}, behind a longer request: bring trees to the front (reorderBatchToSplitDecodesAndPrefills with decodeThreshold ${treeSize})`,
    );
  }
}
