import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import { setWasmModule } from '@tfjs-attention/backend-cpu';
import { describeConformance } from '@tfjs-attention/testing';
import { findStockWasm } from '@tfjs-attention/testing/node/stock_wasm';

const SUBJECTS = {
  cpu: ['simd', 'relaxed', 'typescript'],
  wasm: ['simd', 'relaxed'],
} as const;

for (const [tfBackend, modules] of Object.entries(SUBJECTS)) {
  for (const module of modules) {
    describeConformance({
      label: `${tfBackend}, ${module}`,
      tfBackend,
      setUp: () => {
        findStockWasm();
        setWasmModule(module);
      },
    });
  }
}
