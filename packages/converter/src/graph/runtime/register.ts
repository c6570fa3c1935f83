import { registerOp, type GraphNode } from '@tensorflow/tfjs-converter';
import { tensor1d, tidy, type Tensor } from '@tensorflow/tfjs-core';
import { UnsupportedError } from '@tfjs-attention/core';
import { decodeProgram } from '../program/encode.js';
import { ATTENTION_OP, SHAPE_OP, type AttentionProgram } from '../program/program.js';
import { choose } from './choice.js';
import { planFused } from './fused.js';
import { stockAttention } from './stock.js';

/**
 * Teaches `tf.loadGraphModel` the ops of fused models. `fuseAttention` does so itself; a model that was fused offline or
 * saved after fusing needs this call before it is loaded. May be called again.
 */
export function registerFusedAttention(): void {
  registerOp(ATTENTION_OP, (node: GraphNode) => {
    const program = programOf(node.attrs.attention, node.inputs.length);
    return tidy(ATTENTION_OP, () => attend(program, node.inputs));
  });
  registerOp(SHAPE_OP, ({ inputs: [tensor], attrs }: GraphNode) => {
    const axes = attrs.axes as number[];
    return tensor1d(
      axes.map((axis) => tensor.shape[axis]),
      'int32',
    );
  });
}

const programs = new Map<string, AttentionProgram>();

function programOf(text: unknown, inputs: number): AttentionProgram {
  const key = `${inputs} ${String(text)}`;
  let found = programs.get(key);
  if (found === undefined) {
    found = decodeProgram(text, inputs);
    programs.set(key, found);
  }
  return found;
}

/** Computes a program the way it prefers; what the fused op cannot do, the graph's own ops do. */
export function attend(program: AttentionProgram, inputs: readonly Tensor[]): Tensor {
  const call = program.prefer === 'stock' ? undefined : planFused(program, inputs);
  if (call === undefined) return stockAttention(program, inputs);
  const choice = program.prefer === 'fused' ? 'auto' : choose(call);
  if (choice === 'stock') return stockAttention(program, inputs);
  try {
    return call.run(choice);
  } catch (error) {
    if (error instanceof UnsupportedError) return stockAttention(program, inputs);
    throw error;
  }
}
