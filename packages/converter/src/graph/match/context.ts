import type { Constants } from '../topology/constants.js';
import type { NodeDef } from '../topology/graph_def.js';
import type { GraphView } from '../topology/graph_view.js';

/** What every matcher reads. */
export interface Context {
  readonly graph: GraphView;
  readonly constants: Constants;
}

/** Why something is no attention, in words for the report. */
export class Refusal {
  constructor(readonly reason: string) {}
}

export const refuse = (reason: string) => new Refusal(reason);

/** `MatMul 'encoder/scores'`. */
export const describe = (node: NodeDef) => `${node.op} '${node.name}'`;

/** From here on a masked score weighs nothing: exp of it underflows beside any score that a model computes. */
export const HIDES = -9e3;
