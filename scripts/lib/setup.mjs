// What a fresh clone lacks, made in order and only where it is missing or old. All messages go to stderr.
import { installDependencies } from './install.mjs';
import { step } from './steps.mjs';

/**
 * `packages: false` leaves out the published builds, which programs bundled from the sources do not need.
 * `tensorflow`: 'needed' or 'wanted'; it is several hundred megabytes, so it comes only where it is asked for.
 */
export async function setUp({ packages = true, tensorflow } = {}) {
  requireNode();
  await step('dependencies (npm, a minute on first use)', installDependencies);
  const { buildKernels } = await import('./kernels.mjs');
  await step('WebAssembly kernels', buildKernels);
  if (!packages) return;
  const { buildPackages } = await import('./packages.mjs');
  await step('packages', buildPackages);
  if (tensorflow === undefined) return;
  const { setUpTensorFlow, tryTensorFlow } = await import('./tensorflow.mjs');
  await (tensorflow === 'needed' ? setUpTensorFlow() : tryTensorFlow());
}

function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 20 || (major === 20 && minor >= 19)) return;
  throw new Error(
    `Node ${process.versions.node} is too old: this project needs Node 20.19 or newer.`,
  );
}
