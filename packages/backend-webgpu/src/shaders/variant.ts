import { hasTokenScales, type AttentionSpec, type Feature } from '@tfjs-attention/core/provider';
import type { TileShape } from '../schedule/tile_shape.js';
import { compose, type Shader } from './compose.js';
import { FILES } from './files.js';
import { kvFlag, texelsPerRow } from './kv_types.js';
import type { OperandPlan } from './operand_plan.js';
import { ATTENTION_PARAMS_TEXT } from './params.js';

/** The shaders of one attention call: rows that are finished at once, rows that leave states, their merge. */
export type AttentionStage = 'direct' | 'split' | 'finish';

/** Features that a shader's text depends on; the others are in the batch. */
const LOOP_FEATURES: readonly Feature[] = [
  'causal', 'window', 'softcap', 'bias', 'mask', 'alibi', 'qqBias', 'chunk', 'mmPrefix',
]; // prettier-ignore

export const MERGE_THREADS = 64;

/** The text of one stage for a spec. Facts that a stage does not read are left out, so that specs share pipelines. */
export function attentionShader(
  stage: AttentionStage,
  spec: AttentionSpec,
  shape: TileShape,
  operands: OperandPlan,
): Shader {
  const { queriesPerKv, headSize, valueHeadSize, kv, kvDtype, features, returnLse } = spec;
  const paged = kv.kind === 'paged';
  const finishes = stage === 'finish';
  const has = (feature: Feature) => features.includes(feature);
  const used = features.filter((feature) =>
    feature === 'sinks' ? stage !== 'split' : !finishes && LOOP_FEATURES.includes(feature),
  );
  const floats = used.some((f) => f === 'alibi' || f === 'qqBias' || f === 'sinks');
  const constants = {
    ...shape.constants,
    QUERIES_PER_KV: queriesPerKv,
    QUERY_QUADS: Math.ceil(headSize / 4),
    KEY_LANES: headSize,
    VALUE_LANES: valueHeadSize,
    VALUE_ROW_TEXELS: texelsPerRow(operands.valueRowLanes, kvDtype),
    MERGE_THREADS,
    ...(kv.kind === 'paged' && { BLOCK_SIZE: kv.blockSize }),
  };
  const flags = [
    kvFlag(kvDtype),
    ...(paged ? ['PAGED'] : []),
    ...(hasTokenScales(kvDtype) ? ['TOKEN_SCALES'] : []),
    ...(kv.kind === 'dense' && kv.order === 'bnsh' ? ['HEADS_FIRST'] : []),
    ...(headSize % 4 !== 0 ? ['QUERIES_SCALAR'] : []),
    ...(!paged && headSize % 4 !== 0 ? ['KEYS_SCALAR'] : []),
    ...(!paged && valueHeadSize % 4 !== 0 ? ['VALUES_SCALAR'] : []),
    ...(valueHeadSize % 4 !== 0 ? ['OUTPUT_SCALAR'] : []),
    ...(returnLse ? ['RETURN_LSE'] : []),
    ...(shape.subgroups && !finishes ? ['SUBGROUPS'] : []),
    ...(shape.residentQueries ? ['RESIDENT_QUERIES'] : []),
    ...(operands.segmented ? ['SEGMENTS'] : []),
    ...(operands.joinsMask && !finishes && has('mask') ? ['JOINED_MASK'] : []),
    ...(floats ? ['FLOATS'] : []),
    ...(stage === 'split' ? ['SPLIT'] : []),
    ...(finishes ? ['MERGES'] : []),
    ...used.map((feature) => `FEATURE_${feature.replace(/[A-Z]/g, '_$&').toUpperCase()}`),
  ];
  const file = finishes ? 'finish' : shape.skeleton;
  return compose(`webgpu/${file}.wgsl`, FILES, constants, flags, ATTENTION_PARAMS_TEXT);
}
