import type { Peer } from './contender.js';
import { onnxPeers } from './onnx_runtime.js';
import { tfjsPeers } from './tfjs_composed.js';

/** What `--peer` takes. */
export const PEERS = ['tfjs-cpu', 'tfjs-wasm', 'onnxruntime-web', 'onnxruntime-node'] as const;
export type PeerName = (typeof PEERS)[number];

/** Loads peers, installing what is missing. One that cannot be had is told and left out. */
export async function loadPeers(names: readonly PeerName[]): Promise<Peer[]> {
  const loaded: Peer[] = [];
  for (const name of names) {
    try {
      loaded.push(...(await load(name)));
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      process.stderr.write(`peer ${name} is absent: ${reason}\n`);
    }
  }
  return loaded;
}

async function load(name: PeerName): Promise<readonly Peer[]> {
  switch (name) {
    case 'tfjs-cpu':
    case 'tfjs-wasm':
      return tfjsPeers.filter(({ family }) => family === name);
    case 'onnxruntime-web':
    case 'onnxruntime-node':
      return onnxPeers(name);
    default:
      return name satisfies never;
  }
}
