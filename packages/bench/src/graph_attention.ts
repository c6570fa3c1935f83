// Program: BERT's attention as a graph model, as it is and fused, in turns: `node scripts/run_ts.mjs THIS [BACKEND [TOKENS,...]]`.
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-wasm';
import '@tfjs-attention/backend-cpu';
import { cpus } from 'node:os';
import { loadGraphModel } from '@tensorflow/tfjs-converter';
import {
  abs,
  dispose,
  max,
  sub,
  io,
  ones,
  randomNormal,
  setBackend,
  tidy,
  type Tensor,
} from '@tensorflow/tfjs-core';
import { setThreadsCount } from '@tensorflow/tfjs-backend-wasm';
import { fuseArtifacts, type WholeArtifacts } from '@tfjs-attention/converter';
import { findStockWasm } from '@tfjs-attention/testing/node/stock_wasm';
import { bertAttention, type AttentionSize } from './graph_model/bert_attention.js';
import { median } from './statistics.js';

const TOKENS = process.argv[3]?.split(',').map(Number) ?? [16, 32, 64, 128, 256, 512, 1024];
const HEADS = [
  { heads: 2, headSize: 16 },
  { heads: 4, headSize: 64 },
  { heads: 12, headSize: 64 },
];
const BUDGET_MS = 1500;

const backend = process.argv[2] ?? 'wasm';
findStockWasm();
setThreadsCount(1);
await setBackend(backend);
console.log(`${cpus()[0].model}, Node ${process.versions.node}, tfjs ${backend}, one thread`);
console.log(
  'ms of CPU time of one attention; ratio: stock graph over fused, auto: over what the selector takes',
);
console.log('heads x size  tokens     stock     fused  ratio   auto  apart');
for (const { heads, headSize } of HEADS) {
  for (const tokens of TOKENS) await compare({ batch: 1, tokens, heads, headSize });
}

async function compare(size: AttentionSize): Promise<void> {
  const artifacts = bertAttention(size) as WholeArtifacts;
  const load = async (found: io.ModelArtifacts) => loadGraphModel(io.fromMemory(found));
  const models = [
    await load(artifacts),
    await load((await fuseArtifacts(artifacts, { prefer: 'fused' })).artifacts),
    await load((await fuseArtifacts(artifacts, { prefer: 'auto' })).artifacts),
  ];
  const shape = [size.batch, size.tokens, size.heads * size.headSize];
  const inputs = {
    q: randomNormal(shape),
    k: randomNormal(shape),
    v: randomNormal(shape),
    mask: ones([size.batch, 1, 1, size.tokens]),
  };
  const run = (model: (typeof models)[number]) => model.execute(inputs, 'out') as Tensor;
  const apart = tidy(() => max(abs(sub(run(models[0]), run(models[1])))).dataSync()[0]);
  if (!(apart < 1e-4)) throw new Error(`the fused graph differs by ${apart}`);

  const times = models.map((): number[] => []);
  const end = performance.now() + BUDGET_MS;
  const once = (model: (typeof models)[number], repeats: number) => {
    const start = process.cpuUsage();
    for (let i = 0; i < repeats; i++) {
      const result = run(model);
      if (i === repeats - 1) result.dataSync();
      result.dispose();
    }
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1000 / repeats;
  };
  const repeats = Math.max(1, Math.round(10 / once(models[1], 3)));
  while (performance.now() < end || times[0].length < 5) {
    for (const [i, model] of models.entries()) times[i].push(once(model, repeats));
  }
  const [stock, fused, auto] = times.map(median);
  console.log(
    `${`${size.heads} x ${size.headSize}`.padEnd(12)}${String(size.tokens).padStart(8)}` +
      `${stock.toFixed(3).padStart(10)}${fused.toFixed(3).padStart(10)}` +
      `${(stock / fused).toFixed(2).padStart(7)}${(stock / auto).toFixed(2).padStart(7)}  ${apart.toExponential(0)}`,
  );
  for (const model of models) model.dispose();
  dispose(inputs);
}
