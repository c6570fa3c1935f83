#!/usr/bin/env node
import { main } from '@tfjs-attention/converter/cli';

/** tfjs 'cpu' with our kernels, so that what is verified is what will run. */
async function bringUpBackend(): Promise<void> {
  const { setBackend } = await import('@tensorflow/tfjs-core');
  await import('@tensorflow/tfjs-backend-cpu').catch(() => {
    throw new Error('--verify runs the model: npm install @tensorflow/tfjs-backend-cpu');
  });
  await import('@tfjs-attention/backend-cpu');
  await setBackend('cpu');
}

process.exitCode = await main(process.argv.slice(2), {
  print: (text) => process.stdout.write(`${text}\n`),
  complain: (text) => process.stderr.write(`${text}\n`),
  bringUpBackend,
});
