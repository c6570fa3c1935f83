// Every shader text, by its path below kernels/.
import kv from 'kernels/parts/kv.glsl';
import mask from 'kernels/parts/mask.glsl';
import score from 'kernels/parts/score.glsl';
import softmax from 'kernels/parts/softmax.glsl';
import batch from 'kernels/webgl/batch.glsl';
import cacheGather from 'kernels/webgl/cache_gather.glsl';
import cacheWrite from 'kernels/webgl/cache_write.glsl';
import convertFp8 from 'kernels/webgl/convert_fp8.glsl';
import cover from 'kernels/webgl/cover.glsl';
import decode from 'kernels/webgl/decode.glsl';
import encode from 'kernels/webgl/encode.glsl';
import finish from 'kernels/webgl/finish.glsl';
import floatBits from 'kernels/webgl/float_bits.glsl';
import gatherTexels from 'kernels/webgl/gather_texels.glsl';
import mergeStates from 'kernels/webgl/merge_states.glsl';
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
  'parts/kv.glsl': kv,
  'parts/mask.glsl': mask,
  'parts/score.glsl': score,
  'parts/softmax.glsl': softmax,
  'webgl/batch.glsl': batch,
  'webgl/cache_gather.glsl': cacheGather,
  'webgl/cache_write.glsl': cacheWrite,
  'webgl/convert_fp8.glsl': convertFp8,
  'webgl/cover.glsl': cover,
  'webgl/decode.glsl': decode,
  'webgl/encode.glsl': encode,
  'webgl/finish.glsl': finish,
  'webgl/float_bits.glsl': floatBits,
  'webgl/gather_texels.glsl': gatherTexels,
  'webgl/merge_states.glsl': mergeStates,
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
