import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import { describeConformance } from './index.js';
import { findStockWasm } from './node/stock_wasm.js';

for (const tfBackend of ['cpu', 'wasm']) {
  describeConformance({
    label: `composed ops on ${tfBackend}`,
    tfBackend,
    implementation: 'COMPOSED',
    setUp: findStockWasm,
  });
}
