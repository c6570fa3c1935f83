// @page {"devices": ["webgl"]}
// The shared suite on tfjs 'webgl': a sample of every group, or all of it with ?full in the address.
// The union package registers tfjs's gradients.
import '@tensorflow/tfjs';
import '@tfjs-attention/backend-webgl';
import { conformanceGroups, sampleGroups } from '@tfjs-attention/testing';
import { pageTest } from '../page_test.js';
import { drawsOnSwiftShader, setWebGlBackend } from '../webgl.js';

const full = location.search.includes('full');
const subject = { label: 'webgl', tfBackend: 'webgl', full };
const groups = conformanceGroups(subject);

/** Not run there: the counter's rounds took SwiftShader over 90 seconds to compile; llvmpipe and Firefox run them. */
const leftOut = drawsOnSwiftShader() ? /dropout/ : undefined;

for (const { name: group, specs } of full ? groups : sampleGroups(groups)) {
  for (const { name, run } of specs) {
    if (leftOut?.test(name) === true) continue;
    pageTest(`${group}: ${name}`, async () => {
      await setWebGlBackend();
      await run(subject);
    });
  }
}
