import { createRequire } from 'node:module';
import { dirname, sep } from 'node:path';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';

/** Tells tfjs-wasm where its own .wasm files lie in node_modules. */
export function findStockWasm(): void {
  const main = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm');
  setWasmPaths(dirname(main) + sep);
}
