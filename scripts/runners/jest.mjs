import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { jestFlags } from '../lib/node_flags.mjs';
import { run } from '../lib/run.mjs';
import { webGpuEnvironment } from '../lib/webgpu/drivers.mjs';

export async function runTests() {
  const folder = mkdtempSync(join(tmpdir(), 'tfjs-attention-jest-'));
  try {
    const report = join(folder, 'report.json');
    const { code } = await run(
      process.execPath,
      [
        ...jestFlags,
        'node_modules/jest/bin/jest.js',
        '--json',
        `--outputFile=${report}`,
        '--maxWorkers=2',
      ],
      { stdout: 'ignore', env: webGpuEnvironment() },
    );
    const found = JSON.parse(readFileSync(report, 'utf8'));
    const failed = found.numFailedTests + found.numRuntimeErrorTestSuites;
    return {
      passed: found.numPassedTests,
      failed: failed === 0 && code !== 0 ? 1 : failed,
      skipped: found.numPendingTests + found.numTodoTests,
      notes: skippedNames(found),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const skippedNames = ({ testResults }) =>
  testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ status }) => status === 'pending' || status === 'todo')
    .map(({ fullName }) => `skipped: ${fullName}`);
