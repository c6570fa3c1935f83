import { describeConformance } from '../suite/describe_conformance.js';

interface Spec {
  readonly name: string;
  readonly body: () => Promise<void>;
}

/** The shared suite without a test runner; `say` gets each failure. */
export async function suite(
  say: (text: string) => void,
): Promise<{ passed: number; failed: number }> {
  const specs: Spec[] = [];
  const before: (() => Promise<void>)[] = [];
  const after: (() => Promise<void>)[] = [];
  let path: string[] = [];
  describeConformance(
    { label: 'tensorflow', tfBackend: 'tensorflow' },
    {
      describe: (name, body) => {
        const outer = path;
        path = [...outer, name];
        body();
        path = outer;
      },
      test: (name, body) => specs.push({ name: [...path, name].join(' > '), body }),
      beforeAll: (body) => before.push(body),
      afterAll: (body) => after.push(body),
    },
  );
  for (const body of before) await body();
  let failed = 0;
  for (const { name, body } of specs) {
    try {
      await body();
    } catch (error) {
      failed++;
      say(`${name}: ${error instanceof Error ? error.message.slice(0, 400) : String(error)}`);
    }
  }
  for (const body of after) await body();
  return { passed: specs.length - failed, failed };
}
