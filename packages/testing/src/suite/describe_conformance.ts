import { badInput } from './bad_input/index.js';
import { byteSpecs } from './byte_cases.js';
import { denseCases } from './dense_cases.js';
import { denseSpec } from './dense_case.js';
import { engineSpecs } from './engine_specs.js';
import { gradientGroup } from './gradients/index.js';
import { denseLaws } from './law_dense.js';
import { mlaLayer } from './mla/mla_layer.js';
import { rotatedCaches } from './mla/rotated_cache.js';
import { contextParallel } from './ops/context_parallel.js';
import { pagedLaws } from './law_paged.js';
import { pagedSpec } from './paged_case.js';
import { pagedCases } from './paged_cases.js';
import { sampleGroups } from './sample.js';
import { strategyGroups } from './strategies/index.js';
import { bringUp, implementationOf, type SpecGroup, type Subject } from './subject.js';
import { upstreamGroups } from './upstream/index.js';

/** The test functions of jest, mocha, jasmine or a page. */
interface Harness {
  describe: (name: string, body: () => void) => void;
  test: (name: string, body: () => Promise<void>) => void;
  beforeAll: (body: () => Promise<void>) => void;
  afterAll: (body: () => Promise<void>) => void;
}

/** Everything that a backend must hold, as named tests that throw when they fail. */
export function conformanceGroups(subject: Subject): SpecGroup[] {
  const { full = false, gridStep = 1 } = subject;
  return [
    ...Object.entries(denseCases(full)).map(([name, cases]) => ({
      name,
      specs: cases.map(denseSpec),
    })),
    ...Object.entries(pagedCases(full)).map(([name, cases]) => ({
      name,
      specs: cases.map(pagedSpec),
    })),
    ...upstreamGroups(full, gridStep),
    ...strategyGroups(),
    { name: 'stored bytes', specs: byteSpecs() },
    { name: 'laws', specs: [...denseLaws, ...pagedLaws] },
    contextParallel,
    { name: 'latent attention', specs: mlaLayer() },
    { name: 'rotated caches', specs: rotatedCaches() },
    badInput,
    gradientGroup(subject),
    { name: "life in tfjs's engine", specs: engineSpecs },
  ];
}

/**
 * Declares the shared suite for one implementation on one tfjs backend:
 *
 * ```js
 * describeConformance({label: 'wasm', tfBackend: 'wasm', setUp: () => setWasmPaths(folder)});
 * ```
 *
 * `harness` defaults to the global test functions.
 */
export function describeConformance(
  subject: Subject,
  harness: Harness = globalThis as unknown as Harness,
): void {
  const { describe, test, beforeAll, afterAll } = harness;
  describe(`conformance of ${subject.label}`, () => {
    beforeAll(() => bringUp(subject));
    afterAll(async () => subject.tearDown?.());
    const groups = conformanceGroups(subject);
    for (const group of subject.sample ? sampleGroups(groups) : groups) {
      describe(group.name, () => {
        for (const { name, fusedOnly, run } of group.specs) {
          if (fusedOnly && implementationOf(subject) === 'COMPOSED') continue;
          test(name, async () => run(subject));
        }
      });
    }
  });
}
