import { expect, test } from '@jest/globals';
import { compose } from './compose.js';

const body = (files: Record<string, string>, constants = {}) =>
  compose('main', files, constants, [], '').split('\n').slice(7).join('\n').trim();

test('loops are written out, inner ones in every turn of outer ones', () => {
  const main = '#for r in ROWS\n#for k in KEYS\ns@r_@k = @r;\n#end\n#end';
  expect(body({ main }, { ROWS: 2, KEYS: 2 }).split('\n').slice(-4)).toEqual([
    's0_0 = 0;',
    's0_1 = 0;',
    's1_0 = 1;',
    's1_1 = 1;',
  ]);
});

test('a number gives its quad, its lane and a running count', () => {
  const main = '#for k in KEYS\nlocation @#: w@k:quad.@k:lane of @KEYS\n#end';
  expect(body({ main }, { KEYS: 6 }).split('\n').at(-1)).toBe('location 5: w1.y of 6');
});

test('a file is included once, comments are left out', () => {
  const files = {
    main: '#include "a"\n#include "b"\nmain',
    a: '// of a\na',
    b: '#include "a"\nb',
  };
  expect(body(files)).toBe('a\nb\nmain');
});

test('constants and flags are definitions after the version', () => {
  const text = compose('main', { main: 'x' }, { ROWS: 4 }, ['PAGED'], 'uniform int p;');
  expect(text.split('\n')[0]).toBe('#version 300 es');
  expect(text).toContain('#define ROWS 4\n#define PAGED\nuniform int p;\nx\n');
});

test.each([
  [{ main: '#include "gone"' }, /no shader file 'gone'/],
  [{ main: '#for k in KEYS\n#end' }, /no constant 'KEYS'/],
  [{ main: '#for k in ROWS\nx' }, /no #end/],
])('%j is refused', (files, message) => {
  expect(() => compose('main', files as Record<string, string>, { ROWS: 1 }, [], '')).toThrow(
    message,
  );
});
