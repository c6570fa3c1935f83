import type * as NodeThreads from 'node:worker_threads';
import type { HelperData } from './control.js';
import { NODE_HELPER, WEB_HELPER } from './helper_source.js';

/** A helper thread. */
export interface Helper {
  /** Resolves when it can take work; rejects with the reason where it cannot start. */
  readonly up: Promise<void>;
  terminate(): void;
}

/** Node's own, looked up so that no bundler follows it; there from Node 20.16. */
function workerThreads(): typeof NodeThreads | undefined {
  return typeof process === 'object'
    ? process.getBuiltinModule?.('node:worker_threads')
    : undefined;
}

/** Why threads cannot run here, or undefined. */
export function reasonAgainstThreads(): string | undefined {
  if (typeof SharedArrayBuffer !== 'function' || globalThis.crossOriginIsolated === false) {
    return 'memory cannot be shared: the page is not cross-origin isolated (send the COOP and COEP headers)';
  }
  if (workerThreads() === undefined && typeof Worker !== 'function') {
    return 'there are no workers (Node needs version 20.16 or newer)';
  }
  return undefined;
}

export function startHelper(data: HelperData): Helper {
  const node = workerThreads();
  return node === undefined ? startWebHelper(data) : startNodeHelper(node, data);
}

function startNodeHelper(
  { Worker: NodeWorker }: typeof NodeThreads,
  workerData: HelperData,
): Helper {
  const worker = new NodeWorker(NODE_HELPER, { eval: true, execArgv: [], workerData });
  const up = new Promise<void>((resolve, reject) => {
    worker.once('message', () => {
      // From now on an idle helper must not keep the process alive; before, someone may wait for it.
      worker.unref();
      resolve();
    });
    worker.on('error', reject);
  });
  return { up, terminate: () => void worker.terminate() };
}

function startWebHelper(data: HelperData): Helper {
  const url = URL.createObjectURL(new Blob([WEB_HELPER], { type: 'text/javascript' }));
  let worker: Worker | undefined;
  const up = new Promise<void>((resolve, reject) => {
    // A policy may forbid it, by an exception here or by an error event.
    worker = new Worker(url);
    worker.onmessage = () => resolve();
    worker.onerror = ({ message }) => reject(new Error(message || 'the page may not start it'));
    worker.postMessage(data);
  });
  const revoke = () => URL.revokeObjectURL(url);
  up.then(revoke, revoke);
  return { up, terminate: () => worker?.terminate() };
}
