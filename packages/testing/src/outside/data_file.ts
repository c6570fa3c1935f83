import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import type { Implementation } from '@tfjs-attention/core';
import { runMergeCase, type MergeCase } from './merge_case.js';
import { runOnnxCase, type OnnxCase } from './onnx_case.js';
import type { Outcome } from './outcome.js';
import { runVllmCase, type VllmCase } from './vllm_case.js';

type DataCase = OnnxCase | VllmCase | MergeCase;

/** The cases of a .json or .json.gz file: a list, or an object that holds it as `cases`. */
export function readCases(path: string): DataCase[] {
  const bytes = readFileSync(path);
  const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
  const content: unknown = JSON.parse((isGzip ? gunzipSync(bytes) : bytes).toString('utf8'));
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
    if ('attributes' in c) return runOnnxCase(c, implementation);
    if ('blockTables' in c) return await runVllmCase(c, implementation);
    if ('prefixOutput' in c) return runMergeCase(c);
  } catch (error) {
    return { name: nameOf(c), failures: [String(error)] };
  }
  throw new Error(`case '${nameOf(c)}' is of no known form: ${Object.keys(c).join(', ')}`);
}

export function nameOf(c: DataCase): string {
  return c.name ?? 'without a name';
}
