import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import '@tfjs-attention/backend-cpu';
import { kerasModel } from '@tfjs-attention/converter';
import { GroupedQueryAttention, MultiHeadAttention } from '@tfjs-attention/layers';

const LENGTH = 12;
const TOKENS = 8;
const WIDTH = 32;

/** A decoder of one block, as one writes it in Keras. */
export function decoder(): tf.LayersModel {
  const ids = tf.input({ shape: [LENGTH], dtype: 'int32' });
  const positions = tf.input({ shape: [LENGTH], dtype: 'int32' });
  const embed = (inputDim: number, x: tf.SymbolicTensor) =>
    tf.layers.embedding({ inputDim, outputDim: WIDTH }).apply(x) as tf.SymbolicTensor;
  const sum = (...x: tf.SymbolicTensor[]) => tf.layers.add().apply(x) as tf.SymbolicTensor;
  const norm = (x: tf.SymbolicTensor) =>
    tf.layers.layerNormalization().apply(x) as tf.SymbolicTensor;

  let x = sum(embed(TOKENS, ids), embed(LENGTH, positions));
  const attention = new MultiHeadAttention({ numHeads: 4, keyDim: 8, useCausalMask: true });
  x = sum(x, attention.apply(norm(x)) as tf.SymbolicTensor);
  const grouped = new GroupedQueryAttention({
    headDim: 8,
    numQueryHeads: 4,
    numKeyValueHeads: 1,
    slidingWindow: 4,
    useCausalMask: true,
  });
  x = sum(x, grouped.apply(norm(x)) as tf.SymbolicTensor);
  const head = tf.layers.dense({ units: TOKENS, activation: 'softmax' });
  return tf.model({ inputs: [ids, positions], outputs: head.apply(norm(x)) as tf.SymbolicTensor });
}

/** Random sequences of which each token is to say the one three places before it. */
function batch(size: number) {
  const ids = tf.randomUniform([size, LENGTH], 0, TOKENS, 'int32');
  const before = tf.slice(ids, [0, 0], [size, LENGTH - 3]);
  const wanted = tf.concat([tf.zeros([size, 3], 'int32'), before], 1);
  const positions = tf.tile(tf.reshape(tf.range(0, LENGTH, 1, 'int32'), [1, LENGTH]), [size, 1]);
  return { inputs: [ids, positions], wanted: tf.oneHot(wanted, TOKENS) };
}

/**
 * Composes and trains a decoder of Keras's layers, saves and loads it, then runs an archive that Keras 3 made.
 *
 * @returns loss before and after training, and the largest change of an output by saving and loading
 */
export async function run(archive: string, steps: number, print: (line: string) => void) {
  const model = decoder();
  model.compile({ optimizer: tf.train.adam(0.01), loss: 'categoricalCrossentropy' });
  print(
    `a decoder of MultiHeadAttention and GroupedQueryAttention, ${model.countParams()} weights`,
  );
  const losses: number[] = [];
  for (let step = 0; step <= steps; step++) {
    const { inputs, wanted } = batch(16);
    losses.push((await model.trainOnBatch(inputs, wanted)) as number);
    tf.dispose([inputs, wanted]);
    if (step % 20 === 0) print(`step ${step}: loss ${losses[step].toFixed(3)}`);
  }

  let saved: tf.io.ModelArtifacts = {};
  const info = {
    modelArtifactsInfo: { dateSaved: new Date(), modelTopologyType: 'JSON' as const },
  };
  await model.save(
    tf.io.withSaveHandler((artifacts) => Promise.resolve(((saved = artifacts), info))),
  );
  const again = await tf.loadLayersModel(tf.io.fromMemory(saved));
  const { inputs } = batch(4);
  const outputs = [model, again].map((each) => each.predict(inputs) as tf.Tensor);
  const change = tf.max(tf.abs(tf.sub(outputs[0], outputs[1]))).dataSync()[0];
  print(`saved and loaded: outputs differ by ${change.toExponential(1)} at most`);

  const loaded = await tf.loadLayersModel(kerasModel(new Uint8Array(readFileSync(archive))));
  const zeros = loaded.inputs.map(({ shape, dtype }) =>
    tf.ones([1, ...shape.slice(1)] as number[], dtype),
  );
  const { shape } = loaded.predict(zeros) as tf.Tensor;
  print(`${archive}: ${loaded.layers.length} layers, output [${shape.join(', ')}]`);
  return { losses, change };
}
