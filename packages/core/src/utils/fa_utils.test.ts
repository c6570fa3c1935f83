import '@tensorflow/tfjs-backend-cpu';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from '@jest/globals';
import { announceProvider, retractProvider, type AttentionProvider } from '../registry.js';
import {
  flashAttnSupportsFp8,
  flashAttnSupportsMla,
  flashAttnSupportsSinks,
  getFlashAttnVersion,
  isFlashAttnVarlenFuncAvailable,
} from './fa_utils.js';

test('version 2 where kernels are announced, none elsewhere', async () => {
  await tf.setBackend('cpu');
  expect([getFlashAttnVersion(), isFlashAttnVarlenFuncAvailable()]).toEqual([null, false]);
  announceProvider({ tfBackend: 'cpu', packageName: 'fake' } as AttentionProvider);
  expect([getFlashAttnVersion(true), isFlashAttnVarlenFuncAvailable()]).toEqual([2, true]);
  retractProvider('cpu');
  expect(getFlashAttnVersion()).toBeNull();
});

test('what version 3 alone has is absent', () => {
  expect([flashAttnSupportsFp8(), flashAttnSupportsSinks(), flashAttnSupportsMla()]).toEqual([
    false,
    false,
    false,
  ]);
});
