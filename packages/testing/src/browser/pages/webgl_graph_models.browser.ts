// @page {"devices": ["webgl"]}
// Graph models with their attention fused on tfjs 'webgl', beside what TensorFlow computed from them.
import * as tf from '@tensorflow/tfjs';
import '@tfjs-attention/backend-webgl';
import { fuseAttention } from '@tfjs-attention/converter';
import { expectClose, expectEqual, pageTest } from '../page_test.js';
import { setWebGlBackend } from '../webgl.js';

/** A tensor as the converter's fixtures hold it. */
interface Packed {
  dtype: 'float32' | 'int32' | 'bool';
  shape: number[];
  data: string;
}

interface Judge {
  inputs: Record<string, Packed>;
  outputs: Packed[];
}

const MODELS = ['bert', 'vit', 'gpt', 't5', 'keras_grouped'] as const;
const folder = (name: string) =>
  `${location.origin}/node_modules/@tfjs-attention/converter/fixtures/${name}`;

function valuesOf({ dtype, data }: Packed): Float32Array | Int32Array | Uint8Array {
  const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
  if (dtype === 'bool') return bytes;
  return dtype === 'int32' ? new Int32Array(bytes.buffer) : new Float32Array(bytes.buffer);
}

for (const name of MODELS) {
  pageTest(`${name} fused`, async () => {
    await setWebGlBackend();
    const judge = (await (await fetch(`${folder(name)}/judge.json`)).json()) as Judge;
    const handler = fuseAttention(`${folder(name)}/model.json`, { prefer: 'fused' });
    const model = await tf.loadGraphModel(handler);
    const inputs = Object.fromEntries(
      Object.entries(judge.inputs).map(([key, packed]) => [
        key,
        tf.tensor(valuesOf(packed), packed.shape, packed.dtype),
      ]),
    );
    let results: tf.Tensor[] = [];
    const { kernelNames } = await tf.profile(() => {
      const found = model.execute(
        inputs,
        model.outputs.map((output) => output.name),
      );
      results = Array.isArray(found) ? found : [found];
      return results;
    });
    expectEqual(kernelNames.includes('TfjsAttnPrefill'), true);
    for (const [i, packed] of judge.outputs.entries()) {
      const expected = Float32Array.from(valuesOf(packed));
      const largest = expected.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
      expectClose(await results[i].data(), expected, 1e-5 * largest);
    }
    tf.dispose([results, inputs]);
    model.dispose();
  });
}
