// Every shader text, by its path below kernels/.
import kv from 'kernels/parts/kv.wgsl';
import mask from 'kernels/parts/mask.wgsl';
import score from 'kernels/parts/score.wgsl';
import softmax from 'kernels/parts/softmax.wgsl';
import batch from 'kernels/webgpu/batch.wgsl';
import cacheGather from 'kernels/webgpu/cache_gather.wgsl';
import cacheWrite from 'kernels/webgpu/cache_write.wgsl';
import convertFp8 from 'kernels/webgpu/convert_fp8.wgsl';
import decode from 'kernels/webgpu/decode.wgsl';
import decodeCodes from 'kernels/webgpu/decode_codes.wgsl';
import encode from 'kernels/webgpu/encode.wgsl';
import finish from 'kernels/webgpu/finish.wgsl';
import floatBits from 'kernels/webgpu/float_bits.wgsl';
import mergeStates from 'kernels/webgpu/merge_states.wgsl';
import output from 'kernels/webgpu/output.wgsl';
import prefill from 'kernels/webgpu/prefill.wgsl';
import queries from 'kernels/webgpu/queries.wgsl';
import results from 'kernels/webgpu/results.wgsl';
import state from 'kernels/webgpu/state.wgsl';

export const FILES: Readonly<Record<string, string>> = {
  'parts/kv.wgsl': kv,
  'parts/mask.wgsl': mask,
  'parts/score.wgsl': score,
  'parts/softmax.wgsl': softmax,
  'webgpu/batch.wgsl': batch,
  'webgpu/cache_gather.wgsl': cacheGather,
  'webgpu/cache_write.wgsl': cacheWrite,
  'webgpu/convert_fp8.wgsl': convertFp8,
  'webgpu/decode.wgsl': decode,
  'webgpu/decode_codes.wgsl': decodeCodes,
  'webgpu/encode.wgsl': encode,
  'webgpu/finish.wgsl': finish,
  'webgpu/float_bits.wgsl': floatBits,
  'webgpu/merge_states.wgsl': mergeStates,
  'webgpu/output.wgsl': output,
  'webgpu/prefill.wgsl': prefill,
  'webgpu/queries.wgsl': queries,
  'webgpu/results.wgsl': results,
  'webgpu/state.wgsl': state,
};
