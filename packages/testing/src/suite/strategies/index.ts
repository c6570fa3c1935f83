import {
  andMasks,
  causalMaskMod,
  FlashAttentionMetadata,
  FlexAttentionMetadataBuilder,
  SplitAttentionMetadata,
  TreeAttentionMetadata,
  type AttentionBackendEnum,
  type MaskMod,
} from '@tfjs-attention/core';
import { assert } from '../assert.js';
import type { ScoreFeatures } from '../score_features.js';
import type { Spec, SpecGroup } from '../subject.js';
import { encoderSpecs } from './encoder.js';
import { strategySpec, type StrategyCase } from './step.js';

/** Decodes first, then prefills: the order that strategies which serve them apart ask for. */
const MIXED = { queryLens: [1, 1, 20, 5], seqLens: [33, 16, 20, 40] };

/** What every decoder strategy serves. */
const COMMON: readonly ScoreFeatures[] = [{}, { slidingWindow: 9 }];

const MORE: Readonly<Partial<Record<AttentionBackendEnum, readonly ScoreFeatures[]>>> = {
  FLASH_ATTN: [{ logitsSoftCap: 2 }, { alibi: true }],
  TRITON_ATTN: [
    { logitsSoftCap: 2, sinks: true },
    { alibi: true, sinks: true },
  ],
  FLASHINFER: [{ logitsSoftCap: 2, slidingWindow: 3 }],
  TREE_ATTN: [{ logitsSoftCap: 2 }, { alibi: true }],
  TORCH_SDPA: [{ logitsSoftCap: 2 }, { alibi: true, slidingWindow: 5 }],
  XFORMERS: [{ logitsSoftCap: 2, slidingWindow: 3 }],
  FLEX_ATTENTION: [],
};

function mixedCases(): StrategyCase[] {
  return Object.entries(MORE).flatMap(([strategy, more]) =>
    [...COMMON, ...more].map((features) => ({
      name: `a mixed batch, ${JSON.stringify(features)}`,
      strategy: strategy as AttentionBackendEnum,
      ...MIXED,
      features,
      inspect: (metadata) => {
        if (!(metadata instanceof SplitAttentionMetadata)) return;
        const { numDecodes, numDecodeTokens, numPrefills, numPrefillTokens } = metadata;
        const counts = [numDecodes, numDecodeTokens, numPrefills, numPrefillTokens].join();
        assert(counts === '2,2,2,25', `split as ${counts}`);
      },
    })),
  );
}

const fp8Cases: StrategyCase[] = (
  [
    ['TRITON_ATTN', 'fp8_e4m3'],
    ['TRITON_ATTN', 'int8_per_token_head'],
    ['FLASHINFER', 'fp8_e5m2'],
  ] as const
).map(([strategy, dtype]) => ({ name: `a cache of ${dtype}`, strategy, dtype, ...MIXED }));

const PREFIX = { queryLens: [1, 3, 7], seqLens: [40, 45, 64], commonPrefixLen: 32 };

const cascadeCases: StrategyCase[] = [{}, { logitsSoftCap: 2 }].map((features) => ({
  name: `a cascade over 32 shared keys, ${JSON.stringify(features)}`,
  strategy: 'FLASH_ATTN',
  ...PREFIX,
  features,
  inspect: (metadata) => {
    assert(metadata instanceof FlashAttentionMetadata && metadata.useCascade, 'no cascade');
  },
}));

/** An image of a prompt at positions 4 to 11, and heads that look back as far as their number says. */
const image: MaskMod = (_b, _n, p, j) => j <= p || (p >= 4 && p <= 11 && j >= 4 && j <= 11);
const perHead: MaskMod = Object.assign(
  ((b, n, p, j) => j <= p && p - j <= 3 * n + b) satisfies MaskMod,
  { perHead: true },
);

function flexCases(): StrategyCase[] {
  const mods: Readonly<Record<string, MaskMod>> = {
    'an image in both directions': image,
    'heads and requests apart': perHead,
    'every other key': andMasks(causalMaskMod, (_b, _n, p, j) => (p - j) % 2 === 0),
    nothing: () => false,
  };
  return Object.entries(mods).flatMap(([name, mod]): StrategyCase[] => [
    {
      name: `mask function of the layer, ${name}`,
      strategy: 'FLEX_ATTENTION',
      ...MIXED,
      extra: { maskMod: mod },
      visible: mod,
    },
    {
      name: `mask function of the step within a window, ${name}`,
      strategy: 'FLEX_ATTENTION',
      ...MIXED,
      features: { slidingWindow: 6 },
      visible: (b, n, p, j) => mod(b, n, p, j) && Math.abs(p - j) < 6,
      build: (builder, common) => {
        assert(builder instanceof FlexAttentionMetadataBuilder, 'another builder');
        builder.logicalMaskMod = mod;
        return builder.build(0, common);
      },
    },
  ]);
}

/** Two branches below the root, the first with two leaves. */
const TREE = [[0], [1], [0, 0], [0, 1]];
/** Among the tokens root, [0], [1], [0, 0], [0, 1]. */
const TREE_SEES = [[0], [0, 1], [0, 2], [0, 1, 3], [0, 1, 4]];

function treeCases(): StrategyCase[] {
  const config = { speculativeConfig: { numSpeculativeTokens: 4, speculativeTokenTree: TREE } };
  const batch = { queryLens: [5, 5, 9], seqLens: [25, 38, 29] };
  const sees =
    (rows: readonly (readonly number[])[], trees: number) =>
    (b: number, _n: number, p: number, j: number): boolean => {
      const context = batch.seqLens[b] - batch.queryLens[b];
      if (b >= trees || j < context) return j <= p;
      return rows[p - context].includes(j - context);
    };
  return [
    {
      name: 'two trees and a prefill',
      strategy: 'TREE_ATTN',
      ...batch,
      config,
      visible: sees(TREE_SEES, 2),
      inspect: (metadata) => {
        assert(metadata instanceof TreeAttentionMetadata, 'other metadata');
        assert(metadata.numDecodes === 2, `${metadata.numDecodes} decodes`);
      },
    },
    {
      name: 'drafting the root is causal',
      strategy: 'TREE_ATTN',
      ...batch,
      config,
      build: (builder, common) => builder.buildForDrafting(common, 0),
    },
    {
      name: 'drafting below the root leaves it out',
      strategy: 'TREE_ATTN',
      queryLens: [4, 4],
      seqLens: [24, 33],
      config,
      // Of [0], [1], [0, 0], [0, 1].
      visible: (b, _n, p, j) => {
        const context = [20, 29][b];
        return j < context || [[0], [1], [0, 2], [0, 3]][p - context].includes(j - context);
      },
      build: (builder, common) => builder.buildForDrafting(common, 1),
    },
  ];
}

const nonCausal: StrategyCase[] = (
  ['FLASH_ATTN', 'TRITON_ATTN', 'FLEX_ATTENTION', 'TORCH_SDPA'] as const
).map((strategy) => ({ name: 'a step that is not causal', strategy, ...MIXED, causal: false }));

/** What choosing a strategy changes, and that it changes nothing else. */
export function strategyGroups(): SpecGroup[] {
  const specs = (cases: readonly StrategyCase[]): Spec[] => cases.map(strategySpec);
  return [
    { name: 'strategies, mixed batches', specs: specs([...mixedCases(), ...nonCausal]) },
    { name: 'strategies, quantised caches', specs: specs(fp8Cases) },
    { name: 'strategies, cascades', specs: specs(cascadeCases) },
    { name: 'strategies, mask functions', specs: specs(flexCases()) },
    { name: 'strategies, trees', specs: specs(treeCases()) },
    { name: 'strategies, encoders', specs: encoderSpecs },
  ];
}
