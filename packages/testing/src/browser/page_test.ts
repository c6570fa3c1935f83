// The side of a browser test that runs in the page: `pageTest` declares, `runPageTests` runs them in order.

export interface PageResult {
  name: string;
  /** What went wrong; absent where the test passed. */
  error?: string;
}

interface PageTests {
  tests: { name: string; body: () => void | Promise<void> }[];
  run: () => Promise<PageResult[]>;
}

declare global {
  var __pageTests: PageTests | undefined;
}

/** Declares a test; it fails when `body` throws or its promise rejects. */
export function pageTest(name: string, body: () => void | Promise<void>): void {
  const suite = (globalThis.__pageTests ??= { tests: [], run: runPageTests });
  suite.tests.push({ name, body });
}

async function runPageTests(): Promise<PageResult[]> {
  const results: PageResult[] = [];
  for (const { name, body } of globalThis.__pageTests?.tests ?? []) {
    try {
      await body();
      results.push({ name });
    } catch (error) {
      results.push({
        name,
        error: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
    }
  }
  return results;
}

/** Throws unless the two print the same JSON. */
export function expectEqual(actual: unknown, expected: unknown): void {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== b) throw new Error(`expected ${b}, got ${a}`);
}

/** Throws unless every value is within `tolerance` of its twin. */
export function expectClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
): void {
  if (actual.length !== expected.length) {
    throw new Error(`expected ${expected.length} values, got ${actual.length}`);
  }
  for (let i = 0; i < actual.length; i++) {
    const distance = Math.abs(actual[i] - expected[i]);
    if (!(distance <= tolerance)) {
      throw new Error(
        `value ${i}: expected ${expected[i]}, got ${actual[i]} (tolerance ${tolerance})`,
      );
    }
  }
}
