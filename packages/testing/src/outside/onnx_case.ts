import * as tf from '@tensorflow/tfjs-core';
import {
  flashAttention,
  type FlashAttentionOptions,
  type Implementation,
} from '@tfjs-attention/core';
import { inScope } from '../suite/in_scope.js';
import { Comparisons, type Outcome } from './outcome.js';
import { scoresOf } from './onnx_scores.js';
import { floatsOf, intsOf, valuesOf, type TensorData } from './tensor_data.js';

/** A node test of the ONNX operator Attention (opset 23 and later). */
export interface OnnxCase {
  readonly name: string;
  readonly attributes: Readonly<Record<string, number | undefined>>;
  readonly inputs: Readonly<Record<'Q' | 'K' | 'V', TensorData>> &
    Readonly<
      Partial<
        Record<'attn_mask' | 'past_key' | 'past_value' | 'nonpad_kv_seqlen', TensorData | null>
      >
    >;
  readonly outputs: Readonly<
    Partial<Record<'Y' | 'present_key' | 'present_value' | 'qk_matmul_output', TensorData | null>>
  >;
  readonly rtol: number;
  readonly atol: number;
}

/** Half types are computed in float32 here and in the half type there. */
const HALF_ATOL: Readonly<Record<string, number>> = { float16: 2 ** -10, bfloat16: 2 ** -7 };

export async function runOnnxCase(c: OnnxCase, implementation: Implementation): Promise<Outcome> {
  const comparisons = new Comparisons();
  await inScope(async () => {
    const { q, k, v, options } = readCall(c);
    const heads = flashAttention(q, k, v, { ...options, implementation, returnLse: false });
    const isTurned = c.inputs.Q.shape.length === 3 && options.layout === 'bnsh';
    const output = isTurned ? tf.transpose(heads, [0, 2, 1, 3]) : heads;
    const results = {
      Y: () => output.data(),
      present_key: () => k.data(),
      present_value: () => v.data(),
      qk_matmul_output: () => scoresOf(q, k, v, options, c.attributes.qk_matmul_output_mode ?? 0),
    };
    for (const [name, result] of Object.entries(results)) {
      const wanted = c.outputs[name as keyof typeof results];
      if (!wanted) continue;
      const atol = Math.max(c.atol, HALF_ATOL[wanted.dtype] ?? 0);
      comparisons.close(name, await result(), valuesOf(wanted), { atol, rtol: c.rtol });
    }
  });
  return { name: c.name, failures: comparisons.failures };
}

interface Call {
  q: tf.Tensor;
  k: tf.Tensor;
  v: tf.Tensor;
  options: FlashAttentionOptions;
}

function readCall({ attributes, inputs }: OnnxCase): Call {
  const { Q, K, V, past_key, past_value, nonpad_kv_seqlen } = inputs;
  const packed = Q.shape.length === 3;
  const layout = packed && !past_key ? 'bsnh' : 'bnsh';
  const heads = (data: TensorData, count: number | undefined) => {
    const x = tf.tensor(floatsOf(data), [...data.shape]);
    if (!packed) return x;
    if (count === undefined) throw new Error('a 3D input needs q_num_heads and kv_num_heads');
    const [batch, tokens, width] = data.shape;
    const apart = tf.reshape(x, [batch, tokens, count, width / count]);
    return layout === 'bnsh' ? tf.transpose(apart, [0, 2, 1, 3]) : apart;
  };
  const withPast = (past: TensorData | null | undefined, x: tf.Tensor) =>
    past ? tf.concat([tf.tensor(floatsOf(past), [...past.shape]), x], 2) : x;
  const q = heads(Q, attributes.q_num_heads);
  const k = withPast(past_key, heads(K, attributes.kv_num_heads));
  const v = withPast(past_value, heads(V, attributes.kv_num_heads));
  const keys = k.shape[layout === 'bnsh' ? 2 : 1] as number;
  const { is_causal = 0, softcap = 0, scale } = attributes;
  const { left_window_size: windowLeft = -1, right_window_size: windowRight = -1 } = attributes;
  return {
    q,
    k,
    v,
    options: {
      layout,
      causal: is_causal !== 0,
      logitsSoftCap: softcap,
      windowLeft,
      windowRight,
      ...(scale !== undefined && { softmaxScale: scale }),
      ...maskOption(inputs.attn_mask, keys),
      ...(nonpad_kv_seqlen
        ? { kvLens: intsOf(nonpad_kv_seqlen) }
        : { queryOffset: past_key?.shape[2] ?? 0 }),
    },
  };
}

/** A mask narrower than the keys hides the rest. */
function maskOption(data: TensorData | null | undefined, keys: number): FlashAttentionOptions {
  if (!data) return {};
  const isBool = data.dtype === 'bool';
  const mask = tf.tensor(floatsOf(data), [...data.shape], isBool ? 'bool' : 'float32');
  const missing = keys - (data.shape[data.shape.length - 1] ?? 0);
  const rest = [...data.shape.slice(0, -1), missing];
  const full =
    missing <= 0
      ? mask
      : tf.concat([mask, isBool ? tf.zeros(rest, 'bool') : tf.fill(rest, -Infinity)], -1);
  return isBool ? { mask: full } : { bias: full };
}
