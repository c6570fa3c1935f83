import type { AttentionSpec, Feature } from '@tfjs-attention/core/provider';
import { compose, type Constants } from './compose.js';
import { featureFlags } from './feature_flags.js';
import { FILES } from './files.js';
import { kvConstants } from './kv_constants.js';
import { PARAMS_TEXT } from './params.js';
import { packedLine, texelsPerRow, tileShape, TILE_KEYS, type TileShape } from './tile_shape.js';
import { attentionShader, SCORE_PARTS } from './variant.js';

/** How a backward pass is cut. */
export interface BackwardShape extends Pick<TileShape, 'rows' | 'tiled' | 'quads'> {
  /** Quads of lanes that a fragment keeps for each of four keys. */
  readonly placeQuads: 1 | 2;
  /** Quads of a query or key, and of a value. */
  readonly keyLine: number;
  readonly valueLine: number;
  /** Blocks of `quads` quads that cover a query's lanes. */
  readonly valueBlocks: number;
}

/** A row takes four render targets: weights and gradients of seven keys. */
export function backwardShape(spec: AttentionSpec, drawBuffers: 4 | 8): BackwardShape {
  const many = drawBuffers === 8;
  const { quads, valueBlocks } = tileShape({ ...spec, valueHeadSize: spec.headSize }, 8, true);
  return {
    rows: many ? 2 : 1,
    tiled: true,
    quads,
    placeQuads: many ? 2 : 1,
    keyLine: texelsPerRow(spec.headSize, 1),
    valueLine: texelsPerRow(spec.valueHeadSize, 1),
    valueBlocks,
  };
}

/** What copies operands to where the backward pass reads them. */
export type BackwardPack = 'rows' | 'keys' | 'values' | 'key_lines';

const OWN_STAGES = {
  facts: { file: 'backward_rows', parts: ['sinks', 'dropout'] },
  weights: { file: 'backward_weights', parts: [...SCORE_PARTS, 'dropout'] },
  scores: { file: 'backward_weights', parts: [...SCORE_PARTS, 'dropout'], flag: 'BY_SCORES' },
  dq: { file: 'backward_queries', parts: [] },
  finish_dq: { file: 'finish_queries', parts: [] },
  dk: { file: 'backward_keys', parts: [] },
  dv: { file: 'backward_keys', parts: [] },
  finish_dk: { file: 'finish_keys', parts: [] },
  finish_dv: { file: 'finish_keys', parts: [] },
  dbias: { file: 'backward_scores', parts: [] },
  dalibiSlopes: { file: 'backward_scores', parts: [], flag: 'BY_SLOPE' },
  dqqBias: { file: 'backward_scores', parts: [], flag: 'BY_TREE' },
  finish_scores: { file: 'finish_scores', parts: [] },
} as const satisfies Readonly<
  Record<string, { file: string; parts: readonly Feature[]; flag?: string }>
>;

/** The shaders of a backward call. */
export type BackwardStage = keyof typeof OWN_STAGES;

export function backwardShader(
  stage: BackwardStage,
  spec: AttentionSpec,
  shape: BackwardShape,
): string {
  const { file, parts, ...more } = OWN_STAGES[stage];
  const ofKeys = stage === 'dk' || stage === 'dv';
  const ofValues = stage === 'dv' || stage === 'finish_dv';
  const constants: Constants = {
    ROWS: shape.rows,
    KEYS: TILE_KEYS,
    QUERIES_PER_KV: spec.queriesPerKv,
    QUADS: file === 'backward_keys' || file === 'finish_keys' ? shape.placeQuads : shape.quads,
    BLOCKS: shape.valueBlocks,
    PLACES: 4,
    PRODUCTS: 2,
    LINE: stage === 'dq' ? keyLines(spec, shape).line : shape.keyLine,
    LINE0: shape.keyLine,
    LINE1: shape.valueLine,
    ...(ofKeys && { LINE_OF_ROWS: stage === 'dk' ? shape.keyLine : shape.valueLine }),
    VALUE_LANES: spec.valueHeadSize,
    HEAD_LANES: spec.headSize,
    LANES: ofValues ? spec.valueHeadSize : spec.headSize,
    ...kvConstants('float32'),
  };
  const flags = [
    ...(spec.kv.kind === 'dense' && spec.kv.order === 'bnsh' ? ['HEADS_FIRST'] : []),
    ...('flag' in more ? [more.flag] : []),
    ...featureFlags(spec.features, parts),
  ];
  return compose(`webgl/${file}.glsl`, FILES, constants, flags, PARAMS_TEXT);
}

export function backwardPackShader(
  pack: BackwardPack,
  spec: AttentionSpec,
  shape: BackwardShape,
): string {
  switch (pack) {
    case 'rows':
      return attentionShader('pack_queries', spec, {
        ...tileShape(spec, 8, true),
        rows: shape.rows,
      });
    case 'keys':
      return attentionShader('pack_keys', spec, tileShape(spec, 8, true));
    case 'values': {
      // A value meets a row of the output's gradient as a key meets a query.
      const asKeys = { ...spec, headSize: spec.valueHeadSize };
      return attentionShader('pack_keys', asKeys, tileShape(asKeys, 8, true));
    }
    case 'key_lines': {
      const { asValues, tile } = keyLines(spec, shape);
      return attentionShader('pack_values', asValues, tile);
    }
  }
}

/** Keys meet gradients of scores as values meet weights. */
export function keyLines(spec: AttentionSpec, { rows }: Pick<BackwardShape, 'rows'>) {
  const asValues = { ...spec, valueHeadSize: spec.headSize };
  const tile: TileShape = { ...tileShape(asValues, 8, true), rows };
  return { asValues, tile, line: packedLine(tile, false) };
}
