import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { whenChanged } from './inputs.mjs';
import { root } from './root.mjs';

let folder;
beforeEach(() => {
  folder = relative(root, mkdtempSync(join(root, 'node_modules/.inputs-test-')));
});
afterEach(() => rmSync(join(root, folder), { recursive: true }));

test('makes again when an input changed, an output is gone, or the last time failed', async () => {
  const [input, output] = [`${folder}/input`, `${folder}/output`];
  writeFileSync(join(root, input), 'a');
  let made = 0;
  const step = (make) =>
    whenChanged({ stamp: `${folder}/stamp`, files: [input], outputs: [output], make });
  const make = () => {
    made++;
    writeFileSync(join(root, output), '');
  };

  expect(await step(make)).toBe(true);
  expect(await step(make)).toBe(false);
  writeFileSync(join(root, input), 'b');
  await expect(step(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  expect(await step(make)).toBe(true);
  rmSync(join(root, output));
  expect(await step(make)).toBe(true);
  expect(made).toBe(3);
});

test('an input that the step itself rewrites does not make it old again', async () => {
  const input = `${folder}/lock`;
  writeFileSync(join(root, input), 'a');
  const make = () => writeFileSync(join(root, input), 'b');
  const step = (rewrites) =>
    whenChanged({ stamp: `${folder}/stamp`, files: [input], make, rewrites });

  expect(await step(false)).toBe(true);
  expect(await step(true)).toBe(true);
  expect(await step(true)).toBe(false);
});

test('of several at once one makes and the others wait for it', async () => {
  const input = `${folder}/input`;
  writeFileSync(join(root, input), 'a');
  let made = 0;
  const make = async () => {
    await new Promise((done) => setTimeout(done, 50));
    made++;
  };
  const step = () => whenChanged({ stamp: `${folder}/stamp`, files: [input], make });
  expect((await Promise.all([step(), step(), step()])).sort()).toEqual([false, false, true]);
  expect(made).toBe(1);
});

test('a lock whose holder is gone is taken over', async () => {
  const input = `${folder}/input`;
  writeFileSync(join(root, input), 'a');
  writeFileSync(join(root, `${folder}/stamp.lock`), String(2 ** 30));
  expect(await whenChanged({ stamp: `${folder}/stamp`, files: [input], make: () => {} })).toBe(
    true,
  );
});
