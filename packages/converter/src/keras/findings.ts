import { InvalidArgumentError, UnsupportedError } from '@tfjs-attention/core';

export const OP = 'kerasModel';

/** Throws InvalidArgumentError unless the condition holds: the file is broken, whatever tfjs can do. */
export function check(condition: boolean, message: () => string): asserts condition {
  if (!condition) throw new InvalidArgumentError(`${OP}: ${message()}`);
}

/** Everything of a model that tfjs cannot hold, so that one look shows all of it. */
export class Findings {
  private readonly reasons: string[] = [];

  add(where: string, reason: string): void {
    const text = `${where} ${reason}`;
    if (!this.reasons.includes(text)) this.reasons.push(text);
  }

  /** @throws UnsupportedError with every reason. */
  throwIfAny(): void {
    const { length } = this.reasons;
    if (length === 0) return;
    const what = length === 1 ? 'one thing in this model' : `${length} things in this model`;
    throw new UnsupportedError(`${OP}: ${what} cannot be loaded`, this.reasons);
  }
}
