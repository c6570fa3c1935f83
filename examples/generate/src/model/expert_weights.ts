import { decodeMxfp4, MXFP4_BLOCK } from '../checkpoint/mxfp4.js';
import type { ModelConfig } from '../config/config.js';
import type { ExpertsConfig } from '../config/experts_config.js';
import { demand } from '../user_error.js';
import type { ExpertProjection, ExpertWeights } from './experts.js';
import type { WeightLoader } from './weight_loader.js';

/** Loads the experts of a block as gpt-oss stores them; `mlp` is their name up to '.experts'. */
export function loadExperts(
  load: WeightLoader,
  { hiddenSize: D, intermediateSize: I }: ModelConfig,
  experts: ExpertsConfig,
  mlp: string,
): ExpertWeights {
  const apart = (output: number) => (output % 2) * I + (output >> 1);
  return {
    config: experts,
    router: load.linear([[`${mlp}.router`, experts.count]], D, true),
    gateUp: loadProjection(load, experts, `${mlp}.experts.gate_up_proj`, [D, 2 * I], apart),
    down: loadProjection(load, experts, `${mlp}.experts.down_proj`, [I, D], (output) => output),
  };
}

/** `columnOf` says where an output goes: gates and ups are interleaved in the file. */
function loadProjection(
  load: WeightLoader,
  experts: ExpertsConfig,
  name: string,
  [inputs, outputs]: readonly [inputs: number, outputs: number],
  columnOf: (output: number) => number,
): ExpertProjection {
  const { count, quantized } = experts;
  const columns = Int32Array.from({ length: outputs }, (_, output) => columnOf(output));
  const size = [count, inputs, outputs] as const;
  const matrix = quantized
    ? readQuantized(load, name, size, columns)
    : readRows(load, name, size, columns);
  const bias = readRows(load, `${name}_bias`, [count, outputs], columns);
  return {
    matrix: load.upload3d(matrix, [...size]),
    bias: load.upload3d(bias, [count, 1, outputs]),
  };
}

/** Rows of outputs, each put in the order of `columns`. */
function readRows(
  load: WeightLoader,
  name: string,
  shape: readonly number[],
  columns: Int32Array,
): Float32Array {
  const width = columns.length;
  const ordered = new Float32Array(shape.reduce((product, size) => product * size, 1));
  load.checkpoint.visit(name, shape, (values, start) => {
    for (let row = 0; row < values.length; row += width) {
      for (let i = 0; i < width; i++) ordered[start + row + columns[i]] = values[row + i];
    }
  });
  return ordered;
}

/** 4-bit codes with inputs last, decoded one expert at a time. */
function readQuantized(
  load: WeightLoader,
  name: string,
  [count, inputs, outputs]: readonly [number, number, number],
  columns: Int32Array,
): Float32Array {
  const { checkpoint } = load;
  demand(
    inputs % MXFP4_BLOCK === 0,
    `${checkpoint.source}: '${name}' has ${inputs} inputs; mxfp4 needs a multiple of ${MXFP4_BLOCK}`,
  );
  const blocks = [count, outputs, inputs / MXFP4_BLOCK];
  const codes = checkpoint.readCodes(`${name}_blocks`, [...blocks, MXFP4_BLOCK / 2]);
  const scales = checkpoint.readCodes(`${name}_scales`, blocks);
  const ordered = new Float32Array(count * inputs * outputs);
  for (let expert = 0; expert < count; expert++) {
    const part = (all: Uint8Array) =>
      all.subarray((expert * all.length) / count, ((expert + 1) * all.length) / count);
    const values = decodeMxfp4(part(codes), part(scales));
    const start = expert * inputs * outputs;
    for (let output = 0; output < outputs; output++) {
      const to = start + columns[output];
      for (let i = 0; i < inputs; i++) ordered[to + i * outputs] = values[output * inputs + i];
    }
  }
  return ordered;
}
