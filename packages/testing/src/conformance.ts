// Program: runs outside test data on one tfjs backend and closes with `N passed, N failed`.
import { parseArgs } from 'node:util';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { setWasmModule } from '@tfjs-attention/backend-cpu';
import { providerFor } from '@tfjs-attention/core/provider';
import { ready, type Implementation } from 'tfjs-attention';
import { findStockWasm } from './node/stock_wasm.js';
import { loadTensorFlow } from './node/tensorflow.js';
import { loadWebGpu } from './node/webgpu.js';
import { readCases, runCase } from './outside/data_file.js';

const USAGE =
  'usage: npm run conformance -- [--backend NAME] [--wasm simd|relaxed|typescript] [--implementation FUSED|COMPOSED] FILE...';
const MODULES = ['auto', 'simd', 'relaxed', 'typescript'] as const;
const IMPLEMENTATIONS = ['auto', 'FUSED', 'COMPOSED'] as const;

interface Settings {
  backend: string;
  module: (typeof MODULES)[number];
  implementation: Implementation;
  files: string[];
}

class UsageError extends Error {}

function oneOf<T extends string>(flag: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((name) => name === value);
  if (found === undefined) {
    throw new UsageError(`--${flag} '${value}' is not one of ${allowed.join(', ')}`);
  }
  return found;
}

function readSettings(): Settings {
  const text = { type: 'string' } as const;
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { backend: text, wasm: text, implementation: text },
  });
  if (positionals.length === 0) throw new UsageError('no data file is named');
  return {
    backend: values.backend ?? 'cpu',
    module: oneOf('wasm', values.wasm ?? 'auto', MODULES),
    implementation: oneOf('implementation', values.implementation ?? 'auto', IMPLEMENTATIONS),
    files: positionals,
  };
}

async function bringUp({ backend, module, implementation }: Settings): Promise<void> {
  findStockWasm();
  setWasmModule(module);
  if (backend === 'tensorflow') await loadTensorFlow();
  if (backend.startsWith('webgpu')) await loadWebGpu(backend);
  if (tf.findBackendFactory(backend) == null) {
    const known = Object.keys(tf.engine().registryFactory).join(', ');
    throw new UsageError(`--backend '${backend}' is not registered with tfjs; there are ${known}`);
  }
  if (!(await tf.setBackend(backend))) throw new Error(`tfjs backend '${backend}' does not start`);
  await ready(backend);
  const provider = providerFor(backend);
  const kernels =
    provider === undefined || implementation === 'COMPOSED'
      ? 'composed tfjs ops'
      : provider.describe();
  process.stdout.write(`tfjs backend '${backend}': ${kernels}\n`);
}

async function main(): Promise<number> {
  const settings = readSettings();
  await bringUp(settings);
  let passed = 0;
  let failed = 0;
  for (const file of settings.files) {
    for (const c of readCases(file)) {
      const { name, failures } = await runCase(c, settings.implementation);
      if (failures.length === 0) passed++;
      else failed++;
      for (const failure of failures) process.stdout.write(`FAIL ${name}: ${failure}\n`);
    }
  }
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  return failed === 0 ? 0 : 1;
}

try {
  if (process.argv.includes('--help')) process.stdout.write(`${USAGE}\n`);
  else process.exitCode = await main();
} catch (error) {
  const isUsage =
    error instanceof UsageError ||
    String((error as { code?: unknown }).code).startsWith('ERR_PARSE_ARGS');
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  if (isUsage) process.stderr.write(`${USAGE}\n`);
  process.exitCode = 2;
}
