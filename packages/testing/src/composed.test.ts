import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import { describeConformance } from './index.js';
import { findStockWasm } from './node/stock_wasm.js';

// The stock 'cpu' backend transposes and tiles an element at a time.
const GRID_STEPS = { cpu: 6, wasm: 1 };

for (const [tfBackend, gridStep] of Object.entries(GRID_STEPS)) {
  describeConformance({
    label: `composed ops on ${tfBackend}`,
    tfBackend,
    implementation: 'COMPOSED',
    gridStep,
    setUp: findStockWasm,
  });
}
