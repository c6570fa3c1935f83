// The kernels as machine code: each instruction set of this processor, and those of 64-bit ARM under an emulator.
import { spawnSync } from 'node:child_process';
import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { KV_CACHE_DTYPES } from '@tfjs-attention/core';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { buildNative, nativeToolchain, nativeUnits } from 'kernels/build/native.js';
import { describeAgreement } from './agreement.js';
import { expectReferenceBytes } from './cache_bytes.js';
import { denseOutcome, pagedOutcome, randomSource, randomTensor, worstError } from './fixtures.js';
import { setWasmModule } from './index.js';
import { useNativeKernels } from './native_process.js';

jest.setTimeout(180_000);

beforeAll(async () => {
  tf.env().set('IS_TEST', true);
  await tf.setBackend('cpu');
  setWasmModule('typescript');
});

afterAll(() => {
  jest.restoreAllMocks();
});

/** 300 rows over 700 keys: several panels, several tiles, and edges inside both. */
function longPrefill() {
  const random = randomSource(3);
  const [q, k, v] = [300, 700, 700].map((tokens) => randomTensor([1, tokens, 2, 64], random));
  return denseOutcome(q, k, tf.slice(v, [0, 0, 0, 0], [1, 700, 2, 40]), {
    causal: true,
    slidingWindow: 500,
  });
}

/** Two sequences in decoding, one long enough to be split. */
function longDecode() {
  const random = randomSource(5);
  const [numHeads, numKvHeads, headSize, blockSize] = [8, 2, 64, 16];
  const shape = { numHeads, numKvHeads, headSize, blockSize, dtype: 'float32' } as const;
  return pagedOutcome({ ...shape, queryLens: [1, 1], seqLens: [5000, 77], options: {} }, random);
}

const bitsOf = (x: tf.Tensor) => [...new Int32Array((x.dataSync() as Float32Array).buffer)];

function describeIsa(isa: string, command: readonly string[]): void {
  const use = (threads: number) => useNativeKernels({ command, isa, threads });

  describeAgreement(isa, () => Promise.resolve(use(2)));

  describe(isa, () => {
    beforeAll(() => use(2));

    test.each(KV_CACHE_DTYPES)(
      '%s: bytes are those of the reference encoder',
      expectReferenceBytes,
    );

    test.each([
      ['prefill', longPrefill],
      ['decode', longDecode],
    ] as const)('long %s: the definition, and the same bits on 1 and 5 threads', (_, outcome) => {
      tf.tidy(() => {
        const [one, five] = [1, 5].map((threads) => {
          use(threads);
          return outcome();
        });
        expect(worstError(one)).toBeLessThan(4e-6);
        expect(bitsOf(five.actual.output)).toEqual(bitsOf(one.actual.output));
        expect(bitsOf(five.actual.lse)).toEqual(bitsOf(one.actual.lse));
      });
    });
  });
}

for (const arch of new Set([process.arch, 'arm64'])) {
  const toolchain = nativeToolchain(arch);
  const obstacle = toolchain.obstacle;
  if (obstacle !== undefined) {
    const declare = process.env.CI === 'true' ? test : test.skip;
    declare(`native kernels of ${arch}`, () => {
      throw new Error(obstacle);
    });
    continue;
  }
  const command = [...toolchain.emulator, buildNative('replay', toolchain)];
  for (const isa of Object.keys(nativeUnits.sets[arch])) {
    const has = spawnSync(command[0], [...command.slice(1), isa, '--has']).status === 0;
    if (has) describeIsa(isa, command);
    // No skipped test, which would fail CI: no machine has every set.
    else process.stdout.write(`native kernels, ${isa}: this processor does not have it\n`);
  }
}
