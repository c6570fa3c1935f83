import type { Tensor } from '@tensorflow/tfjs-core';
import type { FlashAttentionOptions } from '@tfjs-attention/core';
import { describeDense, referenceRow, type ReferenceInputs } from '@tfjs-attention/core/reference';

const exactly = (x: number) => x;

/**
 * ONNX's `qk_matmul_output` `[B, N, S, S']`, a debugging output that fused kernels never hold, from the oracle. Mode 0:
 * scaled products, 1: after the soft cap, 2: after bias and masks, 3: after softmax.
 */
export async function scoresOf(
  q: Tensor,
  k: Tensor,
  v: Tensor,
  options: FlashAttentionOptions,
  mode: number,
): Promise<Float64Array> {
  const { layout, softmaxScale, logitsSoftCap = 0 } = options;
  const bare = { layout, softmaxScale, logitsSoftCap: mode === 0 ? 0 : logitsSoftCap };
  const shown: FlashAttentionOptions = mode < 2 ? bare : options;
  const { problem } = describeDense('qk_matmul_output', q, k, v, shown);
  const { params } = problem;
  const [keys, values] = [await k.data(), await v.data()];
  const inputs: ReferenceInputs = {
    q: await q.data(),
    key: (b, j, head, lane) =>
      keys[b * params.kStrideBatch + j * params.kStrideToken + head * params.kStrideHead + lane],
    value: (b, j, head, lane) =>
      values[b * params.vStrideBatch + j * params.vStrideToken + head * params.vStrideHead + lane],
    bias: await shown.bias?.data(),
    mask: await shown.mask?.data(),
  };
  const { numSeqs, numHeads, maxQueryLen, maxSeqLen } = params;
  const out = new Float64Array(numSeqs * numHeads * maxQueryLen * maxSeqLen);
  if (mode === 2) out.fill(-Infinity);
  for (let b = 0; b < numSeqs; b++) {
    for (let head = 0; head < numHeads; head++) {
      for (let i = 0; i < maxQueryLen; i++) {
        const row = referenceRow(problem, inputs, exactly, b, 0, maxQueryLen, i, head);
        const at = ((b * numHeads + head) * maxQueryLen + i) * maxSeqLen;
        out.set(mode === 3 ? row.weights : row.scores, at);
      }
    }
  }
  return out;
}
