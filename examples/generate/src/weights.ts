import { dispose, tensor1d, tensor2d, type Tensor1D, type Tensor2D } from '@tensorflow/tfjs-core';
import type { Checkpoint } from './checkpoint.js';
import type { ModelConfig } from './config.js';

/** A dense projection: x * matrix + bias, matrix `[in, out]` as `tf.matMul` likes it best. */
export interface Projection {
  matrix: Tensor2D;
  bias?: Tensor1D;
}

export interface LayerWeights {
  inputNorm: Tensor1D;
  /** Queries, keys and values side by side: `[D, (N + 2K) * H]`. */
  qkv: Projection;
  output: Projection;
  postNorm: Tensor1D;
  /** Gate and up side by side: `[D, 2I]`. */
  gateUp: Projection;
  down: Projection;
}

export interface ModelWeights {
  /** `[V, D]`; absent where it is the transposed head. */
  embedding?: Tensor2D;
  layers: LayerWeights[];
  norm: Tensor1D;
  /** `[D, V]` */
  head: Tensor2D;
}

/**
 * Uploads a checkpoint's weights to the active tfjs backend, once, as float32 and transposed.
 *
 * @throws UserError naming file and tensor where one is missing or has another shape than the config asks for.
 */
export function loadWeights(
  checkpoint: Checkpoint,
  config: ModelConfig,
  onLayer: (done: number) => void = () => undefined,
): ModelWeights {
  const { vocabSize: V, hiddenSize: D, numLayers, tiedEmbeddings } = config;
  const embed = 'model.embed_tokens.weight';
  const kept: { dispose(): void }[] = [];
  try {
    const load = new Loader(checkpoint, kept);
    const layers: LayerWeights[] = [];
    for (let i = 0; i < numLayers; i++) {
      layers.push(loadLayer(load, config, `model.layers.${i}`));
      onLayer(i + 1);
    }
    const norm = load.vector('model.norm.weight', D);
    const head = load.projection([[tiedEmbeddings ? embed : 'lm_head.weight', V]], D).matrix;
    if (tiedEmbeddings) return { layers, norm, head };
    return { layers, norm, head, embedding: load.rows(embed, V, D) };
  } catch (error) {
    kept.forEach((tensor) => tensor.dispose());
    throw error;
  }
}

export function disposeWeights({ embedding, layers, norm, head }: ModelWeights): void {
  dispose([norm, head, ...(embedding ? [embedding] : [])]);
  for (const { inputNorm, postNorm, qkv, output, gateUp, down } of layers) {
    dispose([inputNorm, postNorm]);
    for (const { matrix, bias } of [qkv, output, gateUp, down]) {
      matrix.dispose();
      bias?.dispose();
    }
  }
}

function loadLayer(load: Loader, config: ModelConfig, layer: string): LayerWeights {
  const { hiddenSize: D, intermediateSize: I, headSize, numHeads, numKvHeads } = config;
  const attention = `${layer}.self_attn`;
  const rows = numHeads * headSize;
  const kvRows = numKvHeads * headSize;
  const qkv: Part[] = [
    [`${attention}.q_proj`, rows],
    [`${attention}.k_proj`, kvRows],
    [`${attention}.v_proj`, kvRows],
  ];
  const gateUp: Part[] = [
    [`${layer}.mlp.gate_proj`, I],
    [`${layer}.mlp.up_proj`, I],
  ];
  return {
    inputNorm: load.vector(`${layer}.input_layernorm.weight`, D),
    qkv: load.linear(qkv, D, config.qkvBias),
    output: load.linear([[`${attention}.o_proj`, D]], rows, config.outputBias),
    postNorm: load.vector(`${layer}.post_attention_layernorm.weight`, D),
    gateUp: load.linear(gateUp, D, config.mlpBias),
    down: load.linear([[`${layer}.mlp.down_proj`, D]], I, config.mlpBias),
  };
}

/** A name and how many outputs it gives. */
type Part = readonly [name: string, outputs: number];

/** Reads tensors and uploads them; what is uploaded is noted in `kept`. */
class Loader {
  constructor(
    private readonly checkpoint: Checkpoint,
    private readonly kept: { dispose(): void }[],
  ) {}

  /** Modules side by side, with their biases where they have them. */
  linear(modules: readonly Part[], inputs: number, hasBias: boolean): Projection {
    const suffixed = (suffix: string) =>
      modules.map(([name, outputs]): Part => [`${name}.${suffix}`, outputs]);
    const { matrix } = this.projection(suffixed('weight'), inputs);
    if (!hasBias) return { matrix };
    const biases = suffixed('bias').map(([name, n]) => [...this.checkpoint.read(name, [n])]);
    return { matrix, bias: this.keep(tensor1d(biases.flat())) };
  }

  /** Matrices `[out, in]` of the file, transposed and side by side: `[in, sum of outs]`. */
  projection(parts: readonly Part[], inputs: number): Projection {
    const width = parts.reduce((sum, [, outputs]) => sum + outputs, 0);
    const packed = new Float32Array(inputs * width);
    let column = 0;
    for (const [name, outputs] of parts) {
      const values = this.checkpoint.read(name, [outputs, inputs]);
      for (let row = 0; row < outputs; row++, column++) {
        for (let i = 0; i < inputs; i++) packed[i * width + column] = values[row * inputs + i];
      }
    }
    return { matrix: this.keep(tensor2d(packed, [inputs, width])) };
  }

  rows(name: string, rows: number, columns: number): Tensor2D {
    return this.keep(tensor2d(this.checkpoint.read(name, [rows, columns]), [rows, columns]));
  }

  vector(name: string, size: number): Tensor1D {
    return this.keep(tensor1d(this.checkpoint.read(name, [size])));
  }

  private keep<T extends { dispose(): void }>(tensor: T): T {
    this.kept.push(tensor);
    return tensor;
  }
}
