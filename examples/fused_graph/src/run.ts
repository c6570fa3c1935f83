import '@tensorflow/tfjs-backend-wasm';
import '@tfjs-attention/backend-cpu';
import { loadGraphModel } from '@tensorflow/tfjs-converter';
import {
  abs,
  max,
  ones,
  randomUniform,
  setBackend,
  sub,
  tidy,
  type Tensor,
} from '@tensorflow/tfjs-core';
import { formatReport, fuseAttention } from '@tfjs-attention/converter';
import { modelFolder } from './model_folder.js';

const TOKENS = 64;

/** Loads a BERT-like graph model as it is and fused, compares their outputs and times both. */
export async function run(folder: string, print: (line: string) => void): Promise<void> {
  await setBackend('wasm');
  const stock = await loadGraphModel(modelFolder(folder));
  const handler = fuseAttention(modelFolder(folder));
  const fused = await loadGraphModel(handler);
  if (handler.report !== undefined) print(formatReport(handler.report));

  const inputs = {
    ids: randomUniform([4, TOKENS], 0, 50, 'int32', 1),
    mask: ones([4, TOKENS], 'int32'),
  };
  const apart = tidy(() => {
    const [a, b] = [stock, fused].map((model) => model.predict(inputs) as Tensor);
    return max(abs(sub(a, b))).dataSync()[0];
  });
  print(`largest difference of an output: ${apart.toExponential(1)}`);

  const [before, after] = [stock, fused].map((model) =>
    fastest(() => model.predict(inputs) as Tensor),
  );
  print(
    `whole model at ${TOKENS} tokens: ${before.toFixed(1)} ms as it is, ${after.toFixed(1)} ms fused`,
  );
}

function fastest(predict: () => Tensor): number {
  const times = Array.from({ length: 20 }, () => {
    const start = performance.now();
    const output = predict();
    output.dataSync();
    output.dispose();
    return performance.now() - start;
  });
  return Math.min(...times);
}
