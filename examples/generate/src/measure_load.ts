// What loading a checkpoint takes on tfjs backend 'cpu', whose tensors live in the process's own memory:
//   node scripts/run_ts.mjs examples/generate/src/measure_load.ts DIRECTORY
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { memory, setBackend, tensor1d } from '@tensorflow/tfjs-core';
import { DiskFiles } from './checkpoint/disk_files.js';
import { readModelConfig } from './config/config.js';
import { loadModel } from './model/load_model.js';
import { SequenceRunner } from './runner/sequence_runner.js';
import './tf_backend.js';

const directory = process.argv[2];
const peak = () => process.resourceUsage().maxRSS * 1024;
const megabytes = (bytes: number) => `${Math.round(bytes / 1e6).toLocaleString('en-US')} MB`;
const shards = readdirSync(directory).filter((name) => name.endsWith('.safetensors'));
const sizes = shards.map((name) => statSync(join(directory, name)).size);

await setBackend('cpu');
tensor1d([0]).dispose();
const before = peak();
const start = performance.now();
const maxTokens = 8;
const files = new DiskFiles(directory);
const model = loadModel(files, readModelConfig(files), maxTokens);
const seconds = (performance.now() - start) / 1000;
const loaded = peak();
const weights = memory().numBytes;
console.log(
  `${sizes.length} files, ${megabytes(sizes.reduce((a, b) => a + b, 0))}, loaded in ${seconds.toFixed(1)} s`,
);
console.log(`largest file         ${megabytes(Math.max(...sizes))}`);
console.log(`weights as float32   ${megabytes(weights)}`);
console.log(`peak before          ${megabytes(before)}`);
console.log(`peak after           ${megabytes(loaded)}`);
console.log(`beyond the weights   ${megabytes(loaded - before - weights)}`);

const runner = new SequenceRunner(model, {
  maxTokens,
  prefillChunk: maxTokens,
  blockSize: 16,
  kvCacheDtype: 'float32',
});
const scores = runner.prefill([1, 2, 3]);
const [first] = scores.dataSync();
console.log(`a step of 3 tokens gives finite scores: ${Number.isFinite(first)}`);
