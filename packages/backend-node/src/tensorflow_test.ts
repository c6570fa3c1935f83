// Not a test: what tests of this package share that need a TensorFlow.
import { describe } from '@jest/globals';
import { loadTensorFlow } from '@tfjs-attention/testing/node/tensorflow';
import { loadAddon } from './addon/load.js';

/** Why this machine cannot run them, or undefined. */
async function reasonAgainst(): Promise<string | undefined> {
  try {
    await loadTensorFlow();
  } catch (error) {
    return `tfjs-node does not load: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`;
  }
  const state = loadAddon();
  return state.kind === 'absent' ? state.reason : undefined;
}

const reason = await reasonAgainst();
if (reason !== undefined && process.env['CI'] === 'true') throw new Error(reason);

/** `describe` where tfjs-node and the addon are there; elsewhere its tests are skipped, and in CI they fail. */
export function describeTensorFlow(name: string, body: () => void): void {
  if (reason === undefined) describe(name, body);
  else describe.skip(`${name} (${reason})`, body);
}
