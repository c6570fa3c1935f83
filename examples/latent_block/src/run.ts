import * as tf from '@tensorflow/tfjs';
import {
  KvCache,
  MLACommonMetadata,
  MultiHeadLatentAttentionWrapper,
  withForwardContext,
} from '@tfjs-attention/core';

const WIDTH = 64;
const SIZES = { numHeads: 8, qkNopeHeadDim: 16, qkRopeHeadDim: 8, vHeadDim: 16 };
const BLOCK_SIZE = 16;
const [Q_RANK, KV_RANK] = [24, 32];

/** A projection with fixed random weights, so that every run says the same. */
function projection(inputs: number, outputs: number, seed: number): (x: tf.Tensor) => tf.Tensor {
  const weight = tf.randomNormal([inputs, outputs], 0, inputs ** -0.5, 'float32', seed);
  return (x) => tf.matMul(x, weight);
}

/** Root mean square norm, as DeepSeek's models have it before both up-projections. */
function rmsNorm(x: tf.Tensor): tf.Tensor {
  return tf.div(x, tf.sqrt(tf.add(tf.mean(tf.square(x), -1, true), 1e-6)));
}

/** Turns lanes i and i + R/2 of `[T, heads, R]` by position * 10000^(-2i/R). */
function rotate(positions: Int32Array, x: tf.Tensor): tf.Tensor {
  const half = SIZES.qkRopeHeadDim / 2;
  const rate = Array.from({ length: half }, (_, i) => 10000 ** (-i / half));
  const angles = Float32Array.from(positions, Number);
  const angle = tf.reshape(tf.outerProduct(tf.tensor1d(angles), tf.tensor1d(rate)), [-1, 1, half]);
  const [a, b] = tf.split(x, 2, -1);
  const [cos, sin] = [tf.cos(angle), tf.sin(angle)];
  return tf.concat([tf.sub(tf.mul(a, cos), tf.mul(b, sin)), tf.add(tf.mul(b, cos), tf.mul(a, sin))], -1); // prettier-ignore
}

function makeBlock(): MultiHeadLatentAttentionWrapper {
  const { numHeads, qkNopeHeadDim, qkRopeHeadDim, vHeadDim } = SIZES;
  const kvBProj = tf.layers.dense({ units: numHeads * (qkNopeHeadDim + vHeadDim), useBias: false, kernelInitializer: tf.initializers.glorotUniform({ seed: 7 }) }); // prettier-ignore
  kvBProj.build([null, KV_RANK]);
  return new MultiHeadLatentAttentionWrapper(
    {
      fusedQkvAProj: projection(WIDTH, Q_RANK + KV_RANK + qkRopeHeadDim, 1),
      qALayernorm: rmsNorm,
      qBProj: projection(Q_RANK, numHeads * (qkNopeHeadDim + qkRopeHeadDim), 2),
      kvALayernorm: rmsNorm,
      kvBProj,
      rotaryEmb: (positions, q, k) => [rotate(positions, q), rotate(positions, k)],
      oProj: projection(numHeads * vHeadDim, WIDTH, 3),
      kvAProjWithMqa: null,
      qProj: null,
      indexer: null,
      isSparse: false,
      topkIndicesBuffer: null,
    },
    { ...SIZES, qLoraRank: Q_RANK, kvLoraRank: KV_RANK, name: 'block.0.attn' },
  );
}

/** Computes `tokens` hidden states in one prefill, and again as a prefill and single tokens; returns their distance. */
export async function run(tokens: number, say: (line: string) => void): Promise<number> {
  const block = makeBlock();
  const spec = block.mlaAttn.getKvCacheSpec({
    cacheConfig: { blockSize: BLOCK_SIZE, cacheDtype: 'auto' },
    modelConfig: { maxModelLen: tokens, dtype: 'float32' },
    schedulerConfig: { maxNumBatchedTokens: tokens, maxNumSeqs: 1 },
  });
  const numBlocks = Math.ceil(tokens / BLOCK_SIZE);
  const cache = new KvCache(spec, { numBlocks });
  const hidden = tf.randomNormal([tokens, WIDTH], 0, 1, 'float32', 11);
  const step = (from: number, to: number) => {
    const positions = Int32Array.from({ length: to - from }, (_, i) => from + i);
    const attnMetadata = new MLACommonMetadata({
      queryStartLoc: Int32Array.of(0, to - from),
      seqLens: Int32Array.of(to),
      blockTables: [Array.from({ length: numBlocks }, (_, i) => i)],
      slotMapping: positions,
      numDecodes: to - from === 1 ? 1 : 0,
    });
    const context = { attnMetadata, kvCaches: { 'block.0.attn': cache } };
    const rows = tf.slice(hidden, [from], [to - from]);
    const out = withForwardContext(context, () => block.forwardNative(positions, rows));
    attnMetadata.dispose();
    return out;
  };
  const whole = step(0, tokens);
  const prompt = Math.floor(tokens / 2);
  const parts = [step(0, prompt)];
  for (let token = prompt; token < tokens; token++) parts.push(step(token, token + 1));
  const distance = (await tf.max(tf.abs(tf.sub(whole, tf.concat(parts)))).data())[0];
  const { numHeads, qkNopeHeadDim, qkRopeHeadDim, vHeadDim } = SIZES;
  const heads = numHeads * (qkNopeHeadDim + qkRopeHeadDim + vHeadDim) * 4 * numBlocks * BLOCK_SIZE;
  say(
    `${tokens} tokens, ${prompt} of them as one prompt, the others one by one on ${tf.getBackend()}`,
  );
  say(
    `latents take ${cache.memory().bytes} bytes, keys and values of all heads would take ${heads}`,
  );
  say(`largest difference from one pass over all: ${distance.toExponential(1)}`);
  cache.dispose();
  block.dispose();
  return distance;
}
