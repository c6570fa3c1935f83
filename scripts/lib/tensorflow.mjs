// TensorFlow under tfjs-node, and the addon with our ops: what tests, benchmarks and `--backend tensorflow` need.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './root.mjs';
import { mustRun } from './run.mjs';
import { step } from './steps.mjs';

const PACKAGE = 'packages/backend-node';
const SETUP = `${PACKAGE}/dist/setup/main.js`;
const TFJS_NODE = 'node_modules/@tensorflow/tfjs-node';
/** The last thing that the set-up writes, and what every load needs. */
const READY = ['deps/tfjs-attention-setup.json', 'lib/napi-v8/tfjs_binding.node'];

/** Why this machine cannot have TensorFlow under tfjs-node, or undefined where it has or can. */
export function tensorFlowObstacle() {
  if (isReady()) return undefined;
  if (process.platform !== 'linux') return `its set-up knows Linux, not ${process.platform}`;
  const { PYTHON = 'python3', CXX } = process.env;
  const lacks = [
    runs([PYTHON, '-c', 'import pip']) ? [] : ['Python 3 with pip'],
    (CXX ? [CXX] : ['g++', 'clang++']).some((name) => runs([name, '--version']))
      ? []
      : ['a C++ compiler'],
  ].flat();
  return lacks.length === 0 ? undefined : `it needs ${lacks.join(' and ')}`;
}

const runs = ([command, ...args]) => spawnSync(command, args).status === 0;

/** Why there is no TensorFlow under tfjs-node now, or undefined where there is. */
export const tensorFlowAbsence = () =>
  isReady() ? undefined : (tensorFlowObstacle() ?? 'it is not set up');

const isReady = () => READY.every((file) => existsSync(join(root, TFJS_NODE, file)));

/** Fetches and builds what is missing. The packages are built, for the set-up is a program of one of them. */
export async function setUpTensorFlow() {
  const obstacle = tensorFlowObstacle();
  if (obstacle !== undefined) throw new Error(`no TensorFlow under tfjs-node: ${obstacle}`);
  await step('TensorFlow under tfjs-node (274 MB through pip on first use)', async () => {
    if (isReady()) return false;
    await mustRun(process.execPath, [SETUP, 'setup', '--project', root]);
    return true;
  });
  await step('TensorFlow ops (the C++ compiler, half a minute on first use)', async () => {
    await mustRun(process.execPath, [`${PACKAGE}/scripts/build_addon.mjs`], { stdout: 'pipe' });
    return false;
  });
}

/** For whatever can do without: a failure is said and gives false. In CI it is a failure. */
export async function tryTensorFlow() {
  if (tensorFlowObstacle() !== undefined && process.env.CI !== 'true') return false;
  try {
    await setUpTensorFlow();
    return true;
  } catch (error) {
    if (process.env.CI === 'true') throw error;
    process.stderr.write(`${error.message}\n`);
    return false;
  }
}
