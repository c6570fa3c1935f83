import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { flashAttention, FullAttentionSpec, KvCache } from '@tfjs-attention/core';
import { expect, jest, test } from '@jest/globals';

jest.unstable_mockModule('./addon/load.js', () => ({
  loadAddon: () => ({ kind: 'absent', reason: 'its addon is not built for this test' }),
}));

test('without the addon the composed ops serve, and the reason is given once', async () => {
  await import('./index.js');
  // A stand-in: what tfjs-node's ops compute, the composed ops ask for by the same names.
  tf.registerBackend('tensorflow', () => tf.findBackendFactory('cpu')());
  tf.copyRegisteredKernels('cpu', 'tensorflow');
  await tf.setBackend('tensorflow');
  tf.env().set('IS_TEST', false);
  const warn = jest.spyOn(console, 'warn').mockImplementation(() => undefined);

  const x = tf.ones<tf.Rank.R4>([1, 3, 1, 4]);
  for (let again = 0; again < 2; again++) {
    expect([...flashAttention(x, x, x, { causal: true }).dataSync()]).toEqual([...x.dataSync()]);
  }
  const told = warn.mock.calls
    .map(([text]) => String(text))
    .filter((text) => /COMPOSED/.test(text));
  expect(told).toEqual([expect.stringContaining('its addon is not built for this test')]);
  expect(() => flashAttention(x, x, x, { implementation: 'FUSED' })).toThrow(/not built/);

  const spec = new FullAttentionSpec({ blockSize: 4, numKvHeads: 1, headSize: 8 });
  const cache = new KvCache(spec, { numBlocks: 2 });
  expect(cache.fused).toBe(false);
  expect(cache.reasons).toEqual(['its addon is not built for this test']);
  cache.dispose();
});
