// Runs when npm installs the package: takes the prebuilt addon or builds one. Never fails an install: without an addon
// the composed ops serve, and say why.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createRequire } from 'node:module';
import { buildAddon } from './build_addon.mjs';
import { findNvcc } from './cuda.mjs';
import { inCheckout, root } from './native_sources.mjs';

/** Whether the project that installs this package has it, for whom alone the CUDA kernels are of use. */
function hasTfjsNodeGpu() {
  try {
    createRequire(import.meta.url).resolve('@tensorflow/tfjs-node-gpu/package.json');
    return true;
  } catch {
    return false;
  }
}

const prebuilt = join(
  root,
  'prebuilds',
  `${process.platform}-${process.arch}`,
  'tfjs_attention.node',
);

// In a checkout the scripts of the repository build it.
if (!inCheckout && !existsSync(prebuilt)) {
  try {
    await buildAddon({ cuda: hasTfjsNodeGpu() && findNvcc() !== undefined });
  } catch (error) {
    process.stdout.write(
      `@tfjs-attention/backend-node: the addon was not built, so attention runs on stock TensorFlow ops.\n` +
        `${error.message}\nWhen that is mended: npm rebuild @tfjs-attention/backend-node\n`,
    );
  }
}
