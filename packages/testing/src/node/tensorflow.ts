import { importTfjsNode } from './tfjs_node.js';

/** Registers tfjs backend 'tensorflow', with our ops. @throws tfjs-node's reason where it was not set up */
export async function loadTensorFlow(): Promise<void> {
  // Lines about instructions that it was not compiled for.
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2';
  await importTfjsNode();
  await import('@tfjs-attention/backend-node');
}
