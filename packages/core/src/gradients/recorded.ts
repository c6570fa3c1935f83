import type { Tensor } from '@tensorflow/tfjs-core';
import type { AttentionKernel } from '../kernels.js';
import type { AttentionProblem, AttentionTensors } from '../problem/problem.js';

/** What rides along with a recorded call: input i is the operand `names[i]`. */
export interface RecordedAttrs {
  problem: AttentionProblem;
  names: readonly (keyof AttentionTensors)[];
}

type Named<Value> = { q: Value } & Partial<Record<keyof AttentionTensors, Value>>;

/** Operands by name again. */
export function nameOperands<Value>(
  names: RecordedAttrs['names'],
  values: readonly Value[],
): Named<Value> {
  return Object.fromEntries(names.map((name, i) => [name, values[i]])) as Named<Value>;
}

/**
 * TfjsAttnForward: TfjsAttnPrefill as a gradient tape records it. tfjs saves named inputs by one fixed list, in which none
 * may be absent; a list of inputs it saves whole.
 */
export function recordedKernel<Backend>(prefill: AttentionKernel<'TfjsAttnPrefill', Backend>) {
  return ({
    inputs,
    attrs: { problem, names },
    backend,
  }: {
    inputs: readonly Parameters<typeof prefill>[0]['inputs']['q'][];
    attrs: RecordedAttrs;
    backend: Backend;
  }) => prefill({ inputs: nameOperands(names, inputs), attrs: { problem }, backend });
}

/** What the tape saved: the inputs, then output and lse. */
export function readSaved(
  names: RecordedAttrs['names'],
  saved: readonly Tensor[],
): { operands: AttentionTensors; out: Tensor; lse: Tensor } {
  const [out, lse] = saved.slice(names.length);
  return { operands: nameOperands(names, saved), out, lse };
}
