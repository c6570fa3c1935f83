import type { io } from '@tensorflow/tfjs-core';

type NodeDef = Record<string, unknown>;

/** Length and heads of the attention of one layer. */
export interface AttentionSize {
  batch: number;
  tokens: number;
  heads: number;
  headSize: number;
}

/**
 * BERT's attention as the TensorFlow converter leaves it: split heads, products, scale, additive mask, softmax, merged heads.
 * Inputs `q k v` `[B, S, N * H]` and `mask` `[B, 1, 1, S]`.
 */
export function bertAttention({
  batch,
  tokens,
  heads,
  headSize,
}: AttentionSize): io.ModelArtifacts {
  const width = heads * headSize;
  const nodes: NodeDef[] = ['q', 'k', 'v'].map((name) => input(name, [batch, tokens, width]));
  nodes.push(input('mask', [batch, 1, 1, tokens]));
  const weightSpecs: io.WeightsManifestEntry[] = [];
  const values: number[][] = [];
  const constant = (name: string, dtype: 'float32' | 'int32', shape: number[], value: number[]) => {
    nodes.push({
      name,
      op: 'Const',
      attr: { dtype: { type: dtype === 'int32' ? 'DT_INT32' : 'DT_FLOAT' } },
    });
    weightSpecs.push({ name, shape, dtype });
    values.push(value);
  };
  const node = (name: string, op: string, inputs: string[], attr: NodeDef = {}) =>
    nodes.push({ name, op, input: inputs, attr: { T: { type: 'DT_FLOAT' }, ...attr } });

  constant('split', 'int32', [4], [batch, tokens, heads, headSize]);
  constant('swap', 'int32', [4], [0, 2, 1, 3]);
  constant('merge', 'int32', [3], [batch, tokens, width]);
  constant('scale', 'float32', [], [1 / Math.sqrt(headSize)]);
  constant('one', 'float32', [], [1]);
  constant('hidden', 'float32', [], [-1e9]);
  for (const name of ['q', 'k', 'v']) {
    node(`${name}/heads`, 'Reshape', [name, 'split']);
    node(`${name}/swapped`, 'Transpose', [`${name}/heads`, 'swap']);
  }
  node('absent', 'Sub', ['one', 'mask']);
  node('bias', 'Mul', ['absent', 'hidden']);
  node('scores', 'BatchMatMulV2', ['q/swapped', 'k/swapped'], { adj_y: { b: true } });
  node('scaled', 'Mul', ['scores', 'scale']);
  node('masked', 'AddV2', ['scaled', 'bias']);
  node('weights', 'Softmax', ['masked']);
  node('mixed', 'BatchMatMulV2', ['weights', 'v/swapped']);
  node('back', 'Transpose', ['mixed', 'swap']);
  node('out', 'Reshape', ['back', 'merge']);
  return {
    format: 'graph-model',
    modelTopology: { node: nodes, versions: { producer: 1 } },
    weightSpecs,
    weightData: bytesOf(weightSpecs, values),
  };
}

function input(name: string, shape: readonly number[]): NodeDef {
  const dim = shape.map((size) => ({ size: String(size) }));
  return {
    name,
    op: 'Placeholder',
    attr: { dtype: { type: 'DT_FLOAT' }, shape: { shape: { dim } } },
  };
}

function bytesOf(
  specs: readonly io.WeightsManifestEntry[],
  values: readonly number[][],
): ArrayBuffer {
  const parts = specs.map(({ dtype }, i) =>
    dtype === 'int32' ? new Int32Array(values[i]) : new Float32Array(values[i]),
  );
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(new Uint8Array(part.buffer), at);
    at += part.byteLength;
  }
  return bytes.buffer;
}
