// The same C kernels as machine code, one process a call, so that the tests of this package judge them as well.
import { spawnSync } from 'node:child_process';
import {
  ATTENTION_OPERANDS,
  ATTENTION_PARAMS,
  CACHE_OPERANDS,
  CACHE_PARAMS,
  KV_CACHE_DTYPES,
} from '@tfjs-attention/core/provider';
import { jest } from '@jest/globals';
import { ArrayRegion, type Region, type Regions } from './heap/region.js';
import { Struct } from './kernels/struct.js';
import { PlainKernels } from './plain/plain_kernels.js';

/** In the order of the program's own list. */
const KINDS = [
  'attention',
  'cacheWrite',
  'cacheGather',
  'mergeStates',
  'fp8Encode',
  'fp8Decode',
] as const;

const ABSENT = 0xffffffff;
const attentionParams = new Struct(ATTENTION_PARAMS);
const cacheParams = new Struct(CACHE_PARAMS);

export interface NativeProgram {
  /** The program `kernels/native/replay.c`, after an emulator where there is one. */
  readonly command: readonly string[];
  readonly isa: string;
  readonly threads: number;
}

type Operand = Region | undefined;

function replay(
  { command, isa, threads }: NativeProgram,
  kind: (typeof KINDS)[number],
  params: Uint8Array,
  operands: readonly Operand[],
  written: readonly Operand[],
): void {
  const bits = operands.map((operand, i) => (operand && written.includes(operand) ? 1 << i : 0));
  const head = [
    KINDS.indexOf(kind),
    threads,
    params.byteLength,
    operands.length,
    bits.reduce((all, bit) => all | bit, 0),
  ];
  const parts = operands.flatMap((operand) => [
    bytesOf(Uint32Array.of(operand?.byteLength ?? ABSENT)),
    operand?.bytes() ?? new Uint8Array(0),
  ]);
  const { status, stdout, stderr } = spawnSync(command[0], [...command.slice(1), isa], {
    input: Buffer.concat([bytesOf(Uint32Array.from(head)), params, ...parts]),
    maxBuffer: 2 ** 30,
  });
  if (status !== 0) throw new Error(`${command.join(' ')} ${isa}: ${String(stderr)}`);
  let at = 0;
  for (const operand of operands) {
    if (operand === undefined || !written.includes(operand)) continue;
    operand.bytes().set(stdout.subarray(at, (at += operand.byteLength)));
  }
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView) =>
  new Uint8Array(buffer, byteOffset, byteLength);

function packed<Name extends string>(
  struct: Struct<Name>,
  values: Readonly<Record<Name, number>>,
): Uint8Array {
  const region = new ArrayRegion(new Uint8Array(struct.byteLength));
  struct.write(region, values);
  return region.bytes();
}

const inOrder = <Name extends string>(table: Readonly<Record<Name, string>>, o: Regions<Name>) =>
  (Object.keys(table) as Name[]).map((name) => o[name]);

/** The TypeScript kernels' place is taken, but for gradients, until `jest.restoreAllMocks()`. */
export function useNativeKernels(program: NativeProgram): void {
  const { prototype } = PlainKernels;
  jest.spyOn(prototype, 'attention').mockImplementation((params, o) => {
    const operands = inOrder(ATTENTION_OPERANDS, o);
    replay(program, 'attention', packed(attentionParams, params), operands, [o.out, o.lse]);
  });
  jest.spyOn(prototype, 'cacheWrite').mockImplementation((params, o) => {
    const operands = inOrder(CACHE_OPERANDS, o);
    const written = [o.k, o.v, o.kTokenScales, o.vTokenScales];
    replay(program, 'cacheWrite', packed(cacheParams, params), operands, written);
  });
  jest.spyOn(prototype, 'cacheGather').mockImplementation((params, o) => {
    const operands = inOrder(CACHE_OPERANDS, o);
    replay(program, 'cacheGather', packed(cacheParams, params), operands, [o.newK, o.newV]);
  });
  jest.spyOn(prototype, 'mergeStates').mockImplementation((r, rows, heads, size) => {
    const operands = [r.outputA, r.lseA, r.outputB, r.lseB, r.sinks, r.output, r.lse];
    const params = bytesOf(Uint32Array.of(rows, heads, size));
    replay(program, 'mergeStates', params, operands, [r.output, r.lse]);
  });
  for (const kind of ['fp8Encode', 'fp8Decode'] as const) {
    jest.spyOn(prototype, kind).mockImplementation((from, to, count, scale, dtype) => {
      const counts = Uint32Array.of(count, KV_CACHE_DTYPES.indexOf(dtype));
      const params = Buffer.concat([bytesOf(counts), bytesOf(Float32Array.of(scale))]);
      replay(program, kind, params, [from, to], [to]);
    });
  }
}
