import { hasTokenScales, type AttentionSpec, type Feature } from '@tfjs-attention/core/provider';
import { compose, type Constants } from './compose.js';
import { FILES } from './files.js';
import { kvConstants } from './kv_constants.js';
import { PARAMS_TEXT } from './params.js';
import { TILE_KEYS, TILE_QUADS, type TileShape } from './tile_shape.js';

/** The shaders of one attention call. */
export type AttentionStage = 'pack_queries' | 'weights' | 'values' | 'finish' | 'finish_lse';

const PARTS_OF: Readonly<Record<AttentionStage, readonly Feature[]>> = {
  pack_queries: ['mmPrefix'],
  weights: [
    'causal', 'window', 'softcap', 'bias', 'mask', 'alibi', 'qqBias', 'chunk', 'mmPrefix',
  ], // prettier-ignore
  values: [],
  finish: ['sinks'],
  finish_lse: ['sinks'],
};

/** The text of one stage for a spec. Facts that a stage does not read are left out, so that specs share programs. */
export function attentionShader(
  stage: AttentionStage,
  spec: AttentionSpec,
  shape: TileShape,
): string {
  const { queriesPerKv, valueHeadSize, kv, kvDtype, features } = spec;
  const paged = kv.kind === 'paged';
  const constants: Constants = {
    ROWS: shape.rows,
    QUERIES_PER_KV: queriesPerKv,
    KEYS: TILE_KEYS,
    QUADS: TILE_QUADS,
    VALUE_BLOCKS: shape.valueBlocks,
    VALUE_LANES: valueHeadSize,
    KEY_TEXELS: shape.keyTexels,
    VALUE_TEXELS: shape.valueTexels,
    ...(kv.kind === 'paged' && { BLOCK_SIZE: kv.blockSize }),
    ...kvConstants(kvDtype),
  };
  const flags = [
    ...(paged ? ['PAGED', 'HEAD_SCALES'] : []),
    ...(kv.kind === 'dense' && kv.order === 'bnsh' ? ['HEADS_FIRST'] : []),
    ...(hasTokenScales(kvDtype) ? ['TOKEN_SCALES'] : []),
    ...(stage === 'finish_lse' ? ['WRITES_LSE'] : []),
    ...features
      .filter((feature) => PARTS_OF[stage].includes(feature))
      .map((feature) => `FEATURE_${feature.replace(/[A-Z]/g, '_$&').toUpperCase()}`),
  ];
  const file = stage === 'finish_lse' ? 'finish' : stage;
  return compose(`webgl/${file}.glsl`, FILES, constants, flags, PARAMS_TEXT);
}
