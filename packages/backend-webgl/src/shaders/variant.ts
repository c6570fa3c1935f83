import {
  bytesPerElement,
  hasTokenScales,
  type AttentionSpec,
  type Feature,
} from '@tfjs-attention/core/provider';
import { compose, type Constants } from './compose.js';
import { featureFlags } from './feature_flags.js';
import { FILES } from './files.js';
import { kvConstants } from './kv_constants.js';
import { PARAMS_TEXT } from './params.js';
import { packedLine, texelsPerRow, TILE_KEYS, type TileShape } from './tile_shape.js';

/** The shaders of one attention call. */
export type AttentionStage =
  'pack_queries' | 'pack_keys' | 'pack_values' | 'weights' | 'values' | 'finish' | 'finish_lse';

/** Features that stand between a product and its weight. */
export const SCORE_PARTS = [
  'causal', 'window', 'softcap', 'bias', 'mask', 'alibi', 'qqBias', 'chunk', 'mmPrefix',
] as const satisfies readonly Feature[]; // prettier-ignore

const PARTS_OF: Readonly<Record<AttentionStage, readonly Feature[]>> = {
  pack_queries: ['mmPrefix'],
  pack_keys: [],
  pack_values: [],
  weights: SCORE_PARTS,
  values: ['dropout'],
  finish: ['sinks'],
  finish_lse: ['sinks'],
};

const FILE_OF: Readonly<Record<AttentionStage, string>> = {
  pack_queries: 'pack_queries',
  pack_keys: 'pack_tiles',
  pack_values: 'pack_tiles',
  weights: 'weights',
  values: 'values',
  finish: 'finish',
  finish_lse: 'finish',
};

/** The text of one stage for a spec. Facts that a stage does not read are left out, so that specs share programs. */
export function attentionShader(
  stage: AttentionStage,
  spec: AttentionSpec,
  shape: TileShape,
): string {
  const { queriesPerKv, headSize, valueHeadSize, kv, kvDtype, features } = spec;
  const paged = kv.kind === 'paged';
  // Tiles hold what was stored: no pages, no types, no token scales.
  const fromTiles = shape.tiled && (stage === 'weights' || stage === 'values');
  const packs = stage === 'pack_keys' || stage === 'pack_values';
  const readsKeys = stage === 'pack_keys' || stage === 'weights';
  const keyRows = readsKeys || (kv.kind === 'paged' && kv.valueInKey === true);
  const constants: Constants = {
    ROWS: shape.rows,
    QUERIES_PER_KV: queriesPerKv,
    KEYS: TILE_KEYS,
    QUADS: shape.quads,
    VALUE_BLOCKS: shape.valueBlocks,
    VALUE_LANES: valueHeadSize,
    KEY_TEXELS: shape.keyTexels,
    VALUE_TEXELS: shape.valueTexels,
    VALUE_STRIDE: shape.valueStride,
    ...(kv.kind === 'paged' && !fromTiles && { BLOCK_SIZE: kv.blockSize }),
    ...((packs || fromTiles) && { LINE: packedLine(shape, readsKeys) }),
    ...(packs && {
      LANES: readsKeys ? headSize : valueHeadSize,
      ROW_TEXELS: texelsPerRow(keyRows ? headSize : valueHeadSize, 4 / bytesPerElement(kvDtype)),
    }),
    ...kvConstants(fromTiles ? 'float32' : kvDtype),
  };
  const flags = [
    ...(paged && !fromTiles ? ['PAGED'] : []),
    ...(paged ? ['HEAD_SCALES'] : []),
    ...(kv.kind === 'dense' && kv.order === 'bnsh' && !fromTiles ? ['HEADS_FIRST'] : []),
    ...(hasTokenScales(kvDtype) && !fromTiles ? ['TOKEN_SCALES'] : []),
    ...(fromTiles ? ['TILED'] : []),
    ...(stage === 'pack_values' ? ['VALUES'] : []),
    ...(stage === 'finish_lse' ? ['WRITES_LSE'] : []),
    ...featureFlags(features, PARTS_OF[stage]),
  ];
  return compose(`webgl/${FILE_OF[stage]}.glsl`, FILES, constants, flags, PARAMS_TEXT);
}
