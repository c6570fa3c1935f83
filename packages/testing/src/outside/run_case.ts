import type { Implementation } from '@tfjs-attention/core';
import { runMergeCase, type MergeCase } from './merge_case.js';
import { runOnnxCase, type OnnxCase } from './onnx_case.js';
import type { Outcome } from './outcome.js';
import { runVllmCase, type VllmCase } from './vllm_case.js';

export type DataCase = OnnxCase | VllmCase | MergeCase;

/** The cases of a data file's text: a list, or an object that holds it as `cases`. */
export function parseCases(path: string, text: string): DataCase[] {
  const content: unknown = JSON.parse(text);
  const cases = Array.isArray(content) ? content : (content as { cases?: unknown } | null)?.cases;
  if (!Array.isArray(cases) || cases.length === 0) {
    throw new Error(`${path}: expected a list of cases`);
  }
  return cases as DataCase[];
}

/** Runs one case on the active tfjs backend; an error counts as a failure. */
export async function runCase(
  c: DataCase,
  implementation: Implementation = 'auto',
): Promise<Outcome> {
  try {
    if ('attributes' in c) return await runOnnxCase(c, implementation);
    if ('blockTables' in c) return await runVllmCase(c, implementation);
    if ('prefixOutput' in c) return await runMergeCase(c);
  } catch (error) {
    return { name: nameOf(c), failures: [String(error)] };
  }
  throw new Error(`case '${nameOf(c)}' is of no known form: ${Object.keys(c).join(', ')}`);
}

export function nameOf(c: DataCase): string {
  return c.name ?? 'without a name';
}
