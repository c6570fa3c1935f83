import { expect, test } from '@jest/globals';
import { asCommonJs } from './readme_example.mjs';

test('imports become requires, the rest may await', () => {
  const lines = asCommonJs(
    [
      "import * as tf from 'tfjs';",
      "import 'plugin'; // attaches",
      'import {',
      '  first,',
      '  second as other,',
      "} from 'core';",
      'await first(other);',
    ].join('\n'),
  ).split('\n');
  expect(lines.slice(0, 2)).toEqual(["const tf = require('tfjs');", "require('plugin');"]);
  expect(lines.join(' ')).toContain("const {   first,   second: other, } = require('core');");
  expect(lines.slice(-4, -2)).toEqual(['(async () => {', 'await first(other);'].slice(-2));
});
