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
  const suite = (globalThis.__pageTests ??= newSuite());
  suite.tests.push({ name, body });
}

/** In a Worker the tests run at the first message, and their results are the answer. */
function newSuite(): PageTests {
  if (typeof document === 'undefined') {
    addEventListener('message', () => void runPageTests().then((results) => postMessage(results)));
  }
  return { tests: [], run: runPageTests };
}

async function runPageTests(): Promise<PageResult[]> {
  const results: PageResult[] = [];
  for (const { name, body } of globalThis.__pageTests?.tests ?? []) {
    try {
      await body();
      results.push({ name });
    } catch (error) {
      results.push({ name, error: errorText(error) });
    }
  }
  return results;
}

/** Firefox leaves the message out of the stack. */
function errorText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { name, message, stack = '' } = error;
  return stack.includes(message) ? stack : `${name}: ${message}\n${stack}`;
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
