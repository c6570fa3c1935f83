import { beforeAll, describe, expect, test } from '@jest/globals';
import { tfjsPeers } from './contenders/tfjs_composed.js';
import { startTfjs } from './contenders/tfjs_site.js';
import { aCell } from './fixtures.js';
import { gatherField } from './field.js';
import { makeInputs } from './inputs.js';
import { Pace } from './pace.js';
import { expectedRows, judge, sampledRows } from './verify.js';

const small = { queryLen: 16, seqLen: 16, headSize: 8, numHeads: 4, numKvHeads: 4, patience: 1e9 };
const CELLS = [
  aCell({ ...small, group: 'full', causal: false }),
  aCell(small),
  aCell({ ...small, group: 'window', slidingWindow: 3 }),
  aCell({ ...small, group: 'gqa', numKvHeads: 2 }),
  aCell({ ...small, group: 'decode', queryLen: 1, numKvHeads: 2 }),
];

beforeAll(startTfjs);

describe.each(CELLS)('$group', (cell) => {
  test('every composition of stock ops agrees with the oracle', async () => {
    const inputs = makeInputs(cell);
    const expected = await expectedRows(cell, inputs, 'float32');
    const { entrants, absent } = await gatherField(tfjsPeers, cell, inputs, expected, new Pace());
    expect(absent.filter(({ outcome }) => outcome.kind === 'wrong')).toEqual([]);
    expect(entrants.length + absent.length).toBe(tfjsPeers.length);
    for (const { runner, error } of entrants) {
      expect(error).toBeLessThan(1e-5);
      await runner.dispose();
    }
  });
});

test('a peer with one wrong number in a sampled row gets no time', async () => {
  const [cell] = CELLS;
  const inputs = makeInputs(cell);
  const expected = await expectedRows(cell, inputs, 'float32');
  const { token, head, output } = expected.rows[2];
  let disposed = false;
  const spoiled = Float32Array.from(output);
  spoiled[5] += 0.1;
  const liar = {
    family: 'liar',
    variant: '',
    unfit: () => null,
    prepare: () => ({
      run: () => undefined,
      row: (t: number, h: number) =>
        t === token && h === head
          ? spoiled
          : Float32Array.from(
              expected.rows.find((r) => r.token === t && r.head === h)?.output ?? [],
            ),
      dispose: () => void (disposed = true),
    }),
  };
  const { entrants, absent } = await gatherField([liar], cell, inputs, expected, new Pace());
  expect(entrants).toEqual([]);
  expect(absent[0].outcome).toMatchObject({ kind: 'wrong' });
  expect(disposed).toBe(true);
});

test('NaN is wrong', async () => {
  const [cell] = CELLS;
  const expected = await expectedRows(cell, makeInputs(cell), 'float32');
  const row = () => new Float32Array(8).fill(NaN);
  const runner = { run: () => undefined, row, dispose: () => undefined };
  expect(judge(runner, expected, 1)).toEqual({ error: NaN, right: false });
});

test('sampled rows reach the first and last token and both ends of the heads', () => {
  const rows = sampledRows(aCell());
  expect(rows.map(({ token }) => token)).toEqual([0, 46, 63, 102, 127]);
  expect(new Set(rows.map(({ head }) => head))).toEqual(new Set([0, 4, 7]));
  expect(sampledRows(aCell({ queryLen: 1 })).map(({ head }) => head)).toEqual([0, 7]);
});
