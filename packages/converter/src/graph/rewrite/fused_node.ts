import type { AttentionMatch } from '../match/attention.js';
import type { Peeled } from '../match/operand.js';
import type { DraftStep } from '../match/scores.js';
import { encodeProgram } from '../program/encode.js';
import { ATTENTION_OP, SHAPE_OP, type AttentionProgram, type Operand, type Preference, type Step } from '../program/program.js'; // prettier-ignore
import type { NodeDef } from '../topology/graph_def.js';

/** The node that replaces a match, under the name of the match's last node. */
export function fusedNode(match: AttentionMatch, prefer: Preference): NodeDef {
  const inputs = [match.query.ref, match.key.ref, match.value.ref];
  const steps = match.steps.map((step) => numbered(step, inputs));
  const program: AttentionProgram = {
    query: operand(match.query),
    key: operand(match.key),
    value: operand(match.value),
    ...(match.out === undefined ? {} : { out: match.out }),
    steps,
    prefer,
  };
  const control = (match.end.input ?? []).filter((ref) => ref.startsWith('^'));
  return {
    name: match.end.name,
    op: ATTENTION_OP,
    input: [...inputs, ...control],
    attr: { attention: { s: btoa(encodeProgram(program)) } },
  };
}

/** Replaces a `Shape` of the product by one of the fused node's result, its axes put back in order. */
export function shapeNode(match: AttentionMatch, name: string, axes: readonly number[]): NodeDef {
  const order = axes.map((_, axis) => String(axes.indexOf(axis)));
  return {
    name,
    op: SHAPE_OP,
    input: [match.end.name],
    attr: { axes: { list: { i: order } } },
  };
}

function operand(found: Peeled & { repeat?: number }): Operand {
  return {
    ...(found.axes === undefined ? {} : { axes: found.axes }),
    ...(found.swap ? { swap: true } : {}),
    ...(found.repeat === undefined ? {} : { repeat: found.repeat }),
  };
}

function numbered(step: DraftStep, inputs: string[]): Step {
  if (!('ref' in step)) return step;
  const { ref, ...rest } = step;
  let index = inputs.indexOf(ref, 3);
  if (index < 0) index = inputs.push(ref) - 1;
  return { ...rest, input: index };
}
