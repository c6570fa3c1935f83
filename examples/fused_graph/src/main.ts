// Program: `npm run fused-graph`. The argument is the folder of a graph model with inputs `ids` and `mask`.
import { findStockWasm } from '@tfjs-attention/testing/node/stock_wasm';
import { run } from './run.js';

findStockWasm();
await run(process.argv[2], (line) => console.log(line));
