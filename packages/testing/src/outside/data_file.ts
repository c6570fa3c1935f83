import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { parseCases, type DataCase } from './run_case.js';

export { nameOf, runCase } from './run_case.js';

/** The cases of a .json or .json.gz file. */
export function readCases(path: string): DataCase[] {
  const bytes = readFileSync(path);
  const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
  return parseCases(path, (isGzip ? gunzipSync(bytes) : bytes).toString('utf8'));
}
