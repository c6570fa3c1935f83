import { importTfjsNode } from './tfjs_node.js';
import { UserError } from './user_error.js';

/**
 * Brings up tfjs-node, which is optional and several hundred megabytes, with our ops in it.
 *
 * @param threads of the attention ops; undefined = as many as TensorFlow's own have.
 * @throws UserError with the way out where tfjs-node does not load.
 */
export async function loadTensorFlow(threads?: number): Promise<void> {
  // Its start-up notes would stand above the text.
  process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
  try {
    await importTfjsNode();
  } catch (error) {
    const [reason] = (error as Error).message.split('\n');
    throw new UserError(
      `--backend 'tensorflow' needs tfjs-node, which does not load (${reason.trim()}): ` +
        '`npx tfjs-attention-node setup` gives it a TensorFlow',
    );
  }
  const { setThreads } = await import('@tfjs-attention/backend-node');
  if (threads !== undefined) setThreads(threads);
}
