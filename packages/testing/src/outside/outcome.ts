/** One case of a data file. */
export interface Outcome {
  readonly name: string;
  /** What disagreed; empty = the case passed. */
  readonly failures: readonly string[];
}

/** Collects the comparisons of one case. */
export class Comparisons {
  readonly failures: string[] = [];

  /** |actual - expected| <= atol + rtol * |expected|; NaN and infinities must be equal. */
  close(
    what: string,
    actual: ArrayLike<number>,
    expected: ArrayLike<number>,
    { atol, rtol = 0 }: { atol: number; rtol?: number },
  ): void {
    if (actual.length !== expected.length) {
      this.failures.push(`${what}: ${actual.length} values instead of ${expected.length}`);
      return;
    }
    let worst = { excess: 0, at: -1, error: 0 };
    for (let i = 0; i < expected.length; i++) {
      const [a, b] = [actual[i], expected[i]];
      if (a === b || (Number.isNaN(a) && Number.isNaN(b))) continue;
      const error = Number.isFinite(a) && Number.isFinite(b) ? Math.abs(a - b) : Infinity;
      const excess = error - (atol + rtol * Math.abs(b));
      if (excess > worst.excess) worst = { excess, at: i, error };
    }
    if (worst.at < 0) return;
    const { at, error } = worst;
    const allowed = atol + rtol * Math.abs(expected[at]);
    this.failures.push(
      `${what}[${at}]: expected ${expected[at]}, got ${actual[at]}: worst error ${error.toPrecision(3)}, allowed ${allowed.toPrecision(3)}`,
    );
  }

  /** Equal to the bit. */
  bytes(what: string, actual: Uint8Array, expected: Uint8Array): void {
    if (actual.length !== expected.length) {
      this.failures.push(`${what}: ${actual.length} bytes instead of ${expected.length}`);
      return;
    }
    const wrong = actual.reduce((count, byte, i) => count + (byte === expected[i] ? 0 : 1), 0);
    if (wrong === 0) return;
    const at = actual.findIndex((byte, i) => byte !== expected[i]);
    this.failures.push(
      `${what}: ${wrong} of ${actual.length} bytes differ, the first at ${at}: ${actual[at]} instead of ${expected[at]}`,
    );
  }
}
