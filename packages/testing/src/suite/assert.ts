// Test runners make globals slow to look up.
const { abs } = Math;
const { isFinite, isNaN } = Number;

/** Ends a test with a message. */
export function fail(message: string): never {
  throw new Error(message);
}

export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) fail(message);
}

/** Same length, and the same value (NaN equals NaN, -0 equals 0) at every index. */
export function assertSame(
  what: string,
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
): void {
  assert(
    actual.length === expected.length,
    `${what}: expected ${expected.length} values, got ${actual.length}`,
  );
  for (let i = 0; i < actual.length; i++) {
    const same =
      actual[i] === expected[i] || (actual[i] !== actual[i] && expected[i] !== expected[i]);
    if (!same) fail(`${what}[${i}]: expected ${expected[i]}, got ${actual[i]}`);
  }
}

/** |actual - expected| <= tolerance everywhere; Infinity and NaN must agree. */
export function assertWithin(
  what: string,
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
): void {
  assert(
    actual.length === expected.length,
    `${what}: expected ${expected.length} values, got ${actual.length}`,
  );
  const worst = worstDistance(actual, expected);
  assert(
    worst.distance <= tolerance,
    `${what}[${worst.at}]: expected ${expected[worst.at]}, got ${actual[worst.at]}: ` +
      `off by ${worst.distance}, allowed ${tolerance}`,
  );
}

/** Largest |a - b|; equal infinities and NaN against NaN count 0, any other non-finite pair Infinity. */
export function worstDistance(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
): { distance: number; at: number } {
  let worst = { distance: 0, at: 0 };
  for (let i = 0; i < expected.length; i++) {
    const [a, b] = [actual[i], expected[i]];
    if (a === b || (isNaN(a) && isNaN(b))) continue;
    const distance = isFinite(a) && isFinite(b) ? abs(a - b) : Infinity;
    if (distance > worst.distance) worst = { distance, at: i };
  }
  return worst;
}

type ErrorClass = abstract new (...args: never[]) => Error;

/** `run` throws (or rejects with) that class, and the message matches every pattern. */
export async function assertThrows(
  run: () => unknown,
  errorClass: ErrorClass,
  ...patterns: RegExp[]
): Promise<void> {
  let error: unknown;
  try {
    await run();
  } catch (caught) {
    error = caught;
  }
  assert(error !== undefined, `expected ${errorClass.name}, but nothing was thrown`);
  if (!(error instanceof errorClass)) {
    const got = error instanceof Error ? error.stack : JSON.stringify(error);
    fail(`expected ${errorClass.name}, got ${got}`);
  }
  for (const pattern of patterns) {
    assert(
      pattern.test(error.message),
      `message '${error.message}' does not match ${String(pattern)}`,
    );
  }
}
