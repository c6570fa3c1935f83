// Bandwidth of latent decode beside plain decode, one thread, by the processor's clock:
// `node scripts/run_ts.mjs packages/bench/src/latent.ts [wasm|tensorflow]`
import '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import '@tfjs-attention/backend-cpu';
import {
  FullAttentionSpec,
  KvCache,
  MLAAttentionSpec,
  pagedAttention,
  planAttention,
  type AttentionKvCacheSpec,
} from '@tfjs-attention/core';
import { findStockWasm } from '@tfjs-attention/testing/node/stock_wasm';

const KEYS = 16384;
const BLOCK = 64;
const ROUNDS = 9;

const median = (values: number[]) => values.sort((a, b) => a - b)[values.length >> 1];

/** Bytes of a cache's keys and values that one query token reads. */
class Cell {
  readonly bytes: number;
  private readonly cache: KvCache;
  private readonly q: tf.Tensor;
  private readonly plan;

  constructor(
    readonly name: string,
    spec: AttentionKvCacheSpec,
    private readonly heads: number,
  ) {
    const blocks = KEYS / BLOCK;
    this.cache = new KvCache(spec, { numBlocks: blocks });
    this.bytes = this.cache.memory().bytes;
    this.q = tf.randomNormal([1, heads, spec.headSize], 0, 0.1);
    this.plan = planAttention({
      queryStartLoc: Int32Array.of(0, 1),
      seqLens: Int32Array.of(KEYS),
      blockTables: [Array.from({ length: blocks }, (_, i) => i)],
    });
    this.flops = 2 * heads * KEYS * (spec.headSize + spec.valueHeadSize);
  }

  readonly flops: number;

  /** Seconds of the processor. */
  run(): number {
    const before = process.cpuUsage();
    tf.tidy(() => pagedAttention(this.q, this.cache, this.plan).dataSync());
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1e6;
  }

  get rows(): number {
    return this.heads;
  }
}

async function main(): Promise<void> {
  const backend = process.argv[2] ?? 'wasm';
  findStockWasm();
  await tf.setBackend(backend);
  const plain = new FullAttentionSpec({ blockSize: BLOCK, numKvHeads: 8, headSize: 128 });
  const latent = new MLAAttentionSpec({
    blockSize: BLOCK,
    numKvHeads: 1,
    headSize: 576,
    valueHeadSize: 512,
  });
  const cells = [
    new Cell('plain, 8 heads of 128', plain, 8),
    ...[1, 2, 4, 8, 16, 128].map((heads) => new Cell(`latent, ${heads} heads`, latent, heads)),
  ];
  const seconds = cells.map(() => [] as number[]);
  for (let round = 0; round <= ROUNDS; round++) {
    cells.forEach((cell, i) => {
      const time = cell.run();
      if (round > 0) seconds[i].push(time);
    });
  }
  const [reference] = cells.map(({ bytes }, i) => bytes / median(seconds[i]));
  cells.forEach(({ name, bytes, flops }, i) => {
    const rate = bytes / median(seconds[i]);
    const share = ((100 * rate) / reference).toFixed(0);
    const work = (flops / median(seconds[i]) / 1e9).toFixed(1);
    process.stdout.write(
      `${name}: ${(rate / 1e9).toFixed(2)} GB/s, ${share} % of plain, ${work} GFLOP/s\n`,
    );
  });
}

await main();
