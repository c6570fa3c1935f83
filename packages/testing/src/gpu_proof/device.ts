import * as tf from '@tensorflow/tfjs-core';
import { describeKernels, flashAttention } from '@tfjs-attention/core';
import { tensorFlow, type Finding } from './gpu.js';

/** As cudaStreamNonBlocking: work in the stream does not wait for stream 0. */
const NON_BLOCKING = 1;

/** TensorFlow's GPU, our ops by name on tensors that live there, and the stream that they run in. */
export function* device(): Generator<Finding> {
  yield { text: `isUsingGpuDevice; ${describeKernels()}`, holds: true };
  yield stream();
  yield byName();
  yield againstComposed();
}

function stream(): Finding {
  const { binding } = tensorFlow();
  const [{ id }] = binding.executeOp('TfjsAttnDeviceInfo', [], [], 1);
  const [, mebibytes, major, minor, own, flags, low, high] = binding.tensorDataSync(id);
  binding.deleteTensor(id);
  const handle = (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
  return {
    text:
      `capability ${major}.${minor}, ${mebibytes} MiB; stream 0x${handle.toString(16)}, flags ${flags}` +
      ` (${flags === NON_BLOCKING ? 'non-blocking' : 'blocking'}), ${own === 0 ? "TensorFlow's" : 'our own'}`,
    holds: own === 0 && handle > 2n,
  };
}

/** TfjsAttnMergeStates through the binding, whose inputs TensorFlow ops made on the device. */
function byName(): Finding {
  const backend = tensorFlow();
  const { binding } = backend;
  return tf.tidy(() => {
    const [a, b] = [1, 2].map((value) => tf.mul(tf.ones([4, 2, 8]), value));
    const lse = tf.sub(tf.ones([4, 2]), 1);
    const inputs = backend.getInputTensorIds([a, lse, b, lse, tf.zeros([0])]);
    const made = binding.executeOp('TfjsAttnMergeStates', [], inputs, 2);
    const [output, merged] = made.map(({ id }) => Float32Array.from(binding.tensorDataSync(id)));
    made.forEach(({ id }) => binding.deleteTensor(id));
    const holds =
      output.every((x) => x === 1.5) && merged.every((x) => Math.abs(x - Math.LN2) < 1e-6);
    return { text: `TfjsAttnMergeStates by name: ${output[0]} with lse ${merged[0]}`, holds };
  });
}

/** The same attention by the kernels and by stock ops, which multiply in TensorFloat-32 on this device. */
function againstComposed(): Finding {
  return tf.tidy(() => {
    const [q, k, v] = [8, 2, 2].map((heads, seed) =>
      tf.randomNormal([2, 300, heads, 64], 0, 1, 'float32', seed + 1),
    ) as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D];
    const [fused, composed] = (['FUSED', 'COMPOSED'] as const).map((implementation) =>
      flashAttention(q, k, v, { causal: true, implementation }),
    );
    const apart = tf.max(tf.abs(tf.sub(fused, composed))).dataSync()[0];
    return {
      text: `largest distance from stock ops ${apart.toExponential(1)}`,
      holds: apart < 1e-2,
    };
  });
}
