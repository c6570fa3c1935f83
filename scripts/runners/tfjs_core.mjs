// tfjs-core's own published specs, with our kernels attached: what passes on a stock backend must pass on it still.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { bundleTfjsCoreSuite } from '../lib/bundle.mjs';
import { wasmFlags } from '../lib/node_flags.mjs';
import { root } from '../lib/root.mjs';
import { mustRun } from '../lib/run.mjs';
import { tensorFlowAbsence } from '../lib/tensorflow.mjs';
import { NOTHING, sum } from '../lib/totals.mjs';

const FOLDER = 'scripts/runners/tfjs_core';
/** Specs that tfjs-core runs on the name 'cpu' alone. */
const FOR_STOCK_ONLY = /^Switching cpu backends /;
const DERIVED = { cpu: 'cpuattn', wasm: 'wasmattn' };
/** A suite takes seconds; ops of TensorFlow's own could wait for ever. */
const LIMIT_MS = 300_000;

export async function runTests() {
  const folder = mkdtempSync(join(root, 'node_modules/.tfjs-core-'));
  try {
    const results = await runPair(folder, '', DERIVED);
    const absence = tensorFlowAbsence();
    if (absence === undefined) {
      results.push(...(await runPair(folder, 'tensorflow_', { tensorflow: 'tensorflowattn' })));
    } else {
      const notes = [`skipped: tfjs-core's suite on 'tensorflow': ${absence}`];
      results.push({ ...NOTHING, skipped: 1, notes });
    }
    return { ...sum(results), notes: results.flatMap(({ notes }) => notes) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The suite without and with our kernels, each in a bundle of its own. */
async function runPair(folder, prefix, backends) {
  const stock = join(folder, `${prefix}stock.cjs`);
  const plugin = join(folder, `${prefix}plugin.cjs`);
  await bundleTfjsCoreSuite(`${FOLDER}/${prefix}stock_suite.mjs`, stock);
  await bundleTfjsCoreSuite(`${FOLDER}/${prefix}plugin_suite.mjs`, plugin);
  const results = [];
  for (const [base, derived] of Object.entries(backends)) {
    const expected = await runSuite(stock, base, folder);
    for (const backend of [base, derived]) {
      results.push(compare(backend, base, expected, await runSuite(plugin, backend, folder)));
    }
  }
  return results;
}

async function runSuite(bundle, backend, folder) {
  const report = join(folder, 'report.json');
  await mustRun(process.execPath, [...wasmFlags, `${FOLDER}/run_suite.mjs`, bundle, report], {
    stdout: 'pipe',
    timeout: LIMIT_MS,
    env: {
      TF_CPP_MIN_LOG_LEVEL: '2',
      TFJS_CORE_SUITE_BACKEND: backend,
      TFJS_CORE_SUITE_WASM: join(root, 'node_modules/@tensorflow/tfjs-backend-wasm/dist/'),
    },
  });
  const { passed, failed } = JSON.parse(readFileSync(report, 'utf8'));
  return { passed: new Set(passed), failed };
}

function compare(backend, base, expected, actual) {
  const wanted = [...expected.passed].filter(
    (name) => backend === base || !FOR_STOCK_ONLY.test(name),
  );
  const broken = wanted.filter((name) => !actual.passed.has(name));
  const already = Object.keys(expected.failed).length;
  const notes = [
    `tfjs-core's suite on '${backend}': ${actual.passed.size} specs pass, ${broken.length} broken` +
      (already > 0 ? ` (${already} fail on stock '${base}' as well and are not counted)` : ''),
    ...broken.slice(0, 10).map((name) => `broken: ${name}: ${actual.failed[name] ?? 'not run'}`),
  ];
  for (const note of notes) process.stdout.write(`${note}\n`);
  return { passed: wanted.length - broken.length, failed: broken.length, skipped: 0, notes };
}
