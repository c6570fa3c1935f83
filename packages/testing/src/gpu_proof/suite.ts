import { describeConformance } from '../suite/describe_conformance.js';

interface Spec {
  readonly name: string;
  readonly body: () => Promise<void>;
}

/** What the provider says of a problem that no CUDA kernel takes. */
const REFUSAL = /the CUDA kernels (do not|know no)|"dtype":"int4_per_token_head"/;

/** The shared suite without a test runner; `say` gets each failure. Refusals by name are the processor's share. */
export async function suite(
  say: (text: string) => void,
): Promise<{ passed: number; refused: number; failed: number }> {
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
  let [refused, failed] = [0, 0];
  for (const { name, body } of specs) {
    try {
      await body();
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (REFUSAL.test(message)) {
        refused++;
        continue;
      }
      failed++;
      say(`${name}: ${message.slice(0, 400)}`);
    }
  }
  for (const body of after) await body();
  return { passed: specs.length - refused - failed, refused, failed };
}
