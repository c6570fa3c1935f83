import { expect, test } from '@jest/globals';
import { toCommonJs } from './declarations.mjs';

test('only relative modules are sent to their CommonJS files', () => {
  const esm = [
    "import * as tf from '@tensorflow/tfjs-core';",
    "import type { A } from './a.js';",
    "export * from '../b/index.js';",
    "export declare const c: import('./c.js').C;",
    "import x from 'package/file.js';",
  ].join('\n');
  expect(toCommonJs(esm).split('\n')).toEqual([
    "import * as tf from '@tensorflow/tfjs-core';",
    "import type { A } from './a.cjs';",
    "export * from '../b/index.cjs';",
    "export declare const c: import('./c.cjs').C;",
    "import x from 'package/file.js';",
  ]);
});
