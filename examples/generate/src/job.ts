import type { DecoderModel } from './model/model.js';
import type { Row } from './summary.js';

/** What is to be done with a model, checked before the model is there. */
export interface Job {
  /** Tokens of the longest text that passes through the model. */
  maxTokens: number;
  /** Writes the result; returns what the summary says of it. */
  run(model: DecoderModel): Promise<Row[]>;
}
