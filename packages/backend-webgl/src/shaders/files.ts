// Every shader text, by its path below kernels/.
import dropout from 'kernels/parts/dropout.glsl';
import kv from 'kernels/parts/kv.glsl';
import mask from 'kernels/parts/mask.glsl';
import score from 'kernels/parts/score.glsl';
import scoreSlope from 'kernels/parts/score_slope.glsl';
import softmax from 'kernels/parts/softmax.glsl';
import backwardKeys from 'kernels/webgl/backward_keys.glsl';
import backwardQueries from 'kernels/webgl/backward_queries.glsl';
import backwardRows from 'kernels/webgl/backward_rows.glsl';
import backwardScores from 'kernels/webgl/backward_scores.glsl';
import backwardWeights from 'kernels/webgl/backward_weights.glsl';
import batch from 'kernels/webgl/batch.glsl';
import cacheGather from 'kernels/webgl/cache_gather.glsl';
import cacheWrite from 'kernels/webgl/cache_write.glsl';
import convertFp8 from 'kernels/webgl/convert_fp8.glsl';
import cover from 'kernels/webgl/cover.glsl';
import decode from 'kernels/webgl/decode.glsl';
import encode from 'kernels/webgl/encode.glsl';
import finish from 'kernels/webgl/finish.glsl';
import finishKeys from 'kernels/webgl/finish_keys.glsl';
import finishQueries from 'kernels/webgl/finish_queries.glsl';
import finishScores from 'kernels/webgl/finish_scores.glsl';
import floatBits from 'kernels/webgl/float_bits.glsl';
import gatherTexels from 'kernels/webgl/gather_texels.glsl';
import mergeStates from 'kernels/webgl/merge_states.glsl';
import ordinal from 'kernels/webgl/ordinal.glsl';
import outputPlace from 'kernels/webgl/output_place.glsl';
import packQueries from 'kernels/webgl/pack_queries.glsl';
import packRows from 'kernels/webgl/pack_rows.glsl';
import packTiles from 'kernels/webgl/pack_tiles.glsl';
import scatter from 'kernels/webgl/scatter.glsl';
import scatterTexels from 'kernels/webgl/scatter_texels.glsl';
import texels from 'kernels/webgl/texels.glsl';
import tokenScales from 'kernels/webgl/token_scales.glsl';
import values from 'kernels/webgl/values.glsl';
import weights from 'kernels/webgl/weights.glsl';

export const FILES: Readonly<Record<string, string>> = {
  'parts/dropout.glsl': dropout,
  'parts/kv.glsl': kv,
  'parts/mask.glsl': mask,
  'parts/score.glsl': score,
  'parts/score_slope.glsl': scoreSlope,
  'parts/softmax.glsl': softmax,
  'webgl/backward_keys.glsl': backwardKeys,
  'webgl/backward_queries.glsl': backwardQueries,
  'webgl/backward_rows.glsl': backwardRows,
  'webgl/backward_scores.glsl': backwardScores,
  'webgl/backward_weights.glsl': backwardWeights,
  'webgl/batch.glsl': batch,
  'webgl/cache_gather.glsl': cacheGather,
  'webgl/cache_write.glsl': cacheWrite,
  'webgl/convert_fp8.glsl': convertFp8,
  'webgl/cover.glsl': cover,
  'webgl/decode.glsl': decode,
  'webgl/encode.glsl': encode,
  'webgl/finish.glsl': finish,
  'webgl/finish_keys.glsl': finishKeys,
  'webgl/finish_queries.glsl': finishQueries,
  'webgl/finish_scores.glsl': finishScores,
  'webgl/float_bits.glsl': floatBits,
  'webgl/gather_texels.glsl': gatherTexels,
  'webgl/merge_states.glsl': mergeStates,
  'webgl/ordinal.glsl': ordinal,
  'webgl/output_place.glsl': outputPlace,
  'webgl/pack_queries.glsl': packQueries,
  'webgl/pack_rows.glsl': packRows,
  'webgl/pack_tiles.glsl': packTiles,
  'webgl/scatter.glsl': scatter,
  'webgl/scatter_texels.glsl': scatterTexels,
  'webgl/texels.glsl': texels,
  'webgl/token_scales.glsl': tokenScales,
  'webgl/values.glsl': values,
  'webgl/weights.glsl': weights,
};
