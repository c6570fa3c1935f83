import type { Peer } from './contender.js';
import { startTensorFlow } from './native.js';
import { onnxPeers } from './onnx_runtime.js';
import { tfjsPeers } from './tfjs_composed.js';

/** What `--peer` takes. */
export const PEERS = [
  'tfjs-cpu',
  'tfjs-wasm',
  'tfjs-node',
  'onnxruntime-web',
  'onnxruntime-node',
] as const;
export type PeerName = (typeof PEERS)[number];

/** Those that a run is compared with unless others are named: machine code with machine code. */
export const defaultPeers = (native: boolean): readonly PeerName[] =>
  native
    ? ['tfjs-node', 'onnxruntime-node']
    : ['tfjs-cpu', 'tfjs-wasm', 'onnxruntime-web', 'onnxruntime-node'];

/** Loads peers, installing what is missing. One that cannot be had is told and left out. */
export async function loadPeers(names: readonly PeerName[], threads: number): Promise<Peer[]> {
  const loaded: Peer[] = [];
  for (const name of names) {
    try {
      loaded.push(...(await load(name, threads)));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      process.stderr.write(`peer ${name} is absent: ${reason}\n`);
    }
  }
  return loaded;
}

async function load(name: PeerName, threads: number): Promise<readonly Peer[]> {
  switch (name) {
    case 'tfjs-cpu':
    case 'tfjs-wasm':
      return tfjsPeers.filter(({ family }) => family === name);
    case 'tfjs-node':
      await startTensorFlow(threads);
      return tfjsPeers.filter(({ family }) => family === name);
    case 'onnxruntime-web':
    case 'onnxruntime-node':
      return onnxPeers(name, threads);
    default:
      return name satisfies never;
  }
}
