import type { Cell } from '../grid.js';
import type { Inputs } from '../inputs.js';
import { encodeModel } from '../onnx/model.js';
import {
  onnxCall,
  onnxUnfit,
  type CacheUse,
  type Feed,
  type OnnxOp,
} from '../onnx/attention_ops.js';
import { headMajorRow, tokenMajorRow, type Peer, type Runner } from './contender.js';
import { requirePeer, type PeerPackage } from './install.js';

/** What we use of `onnxruntime-common`, which both packages export. */
interface OnnxRuntime {
  Tensor: new (type: string, data: Feed['data'], dims: readonly number[]) => OnnxTensor;
  InferenceSession: {
    create: (model: Uint8Array, options: object) => Promise<OnnxSession>;
  };
  env: { logLevel: string; wasm: { numThreads?: number } };
}

interface OnnxTensor {
  getData: () => Promise<Float32Array>;
}

interface OnnxSession {
  run: (feeds: Record<string, OnnxTensor>) => Promise<Record<string, OnnxTensor>>;
  release: () => Promise<void>;
}

const OPS: readonly OnnxOp[] = ['MHA', 'GQA', 'Attention-23'];
const PROVIDERS = { 'onnxruntime-web': 'wasm', 'onnxruntime-node': 'cpu' } as const;

/** The ops of one ONNX Runtime package, as two families: with its own cache, and with K and V whole. */
export async function onnxPeers(packageName: PeerPackage, threads: number): Promise<Peer[]> {
  const runtime = await requirePeer<OnnxRuntime>(packageName);
  runtime.env.logLevel = 'error';
  runtime.env.wasm.numThreads = threads;
  const peer = (op: OnnxOp, use: CacheUse): Peer => ({
    family: use === 'copied' ? packageName : `${packageName} whole KV`,
    variant: op,
    decodeOnly: use === 'whole',
    unfit: (cell) => onnxUnfit(op, cell),
    prepare: (cell, inputs) =>
      prepare(runtime, PROVIDERS[packageName], threads, op, use, cell, inputs),
  });
  return [
    ...OPS.map((op) => peer(op, 'copied')),
    // GroupQueryAttention takes a cache only as past.
    ...OPS.filter((op) => op !== 'GQA').map((op) => peer(op, 'whole')),
  ];
}

async function prepare(
  runtime: OnnxRuntime,
  provider: string,
  threads: number,
  op: OnnxOp,
  use: CacheUse,
  cell: Cell,
  inputs: Inputs,
): Promise<Runner> {
  const { model, feeds, headMajor } = onnxCall(op, use, cell, inputs);
  const session = await runtime.InferenceSession.create(encodeModel(model), {
    executionProviders: [provider],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    logSeverityLevel: 3,
  });
  const tensors = Object.fromEntries(
    Object.entries(feeds).map(([name, { type, data, dims }]) => [
      name,
      new runtime.Tensor(type, data, dims),
    ]),
  );
  let output: Float32Array = new Float32Array();
  return {
    run: async () => {
      const results = await session.run(tensors);
      output = await results.y.getData();
    },
    row: (token, head) => (headMajor ? headMajorRow : tokenMajorRow)(output, cell)(token, head),
    dispose: () => session.release(),
  };
}
