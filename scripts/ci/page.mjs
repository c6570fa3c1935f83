import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { consumer } from '../lib/consumer.mjs';
import { visit } from '../lib/visit.mjs';

/** A page without a bundler: tfjs and our script by their tags, `tf` and `tfjsAttention` as globals. */
const PAGE = `<!doctype html>
<script src="/node_modules/@tensorflow/tfjs/dist/tf.min.js"></script>
<script src="/node_modules/tfjs-attention/dist/tfjs-attention.min.js"></script>
<script type="module">
  await tf.setBackend('cpu');
  const { flashAttention, explainAttnBackend } = tfjsAttention;
  const chosen = explainAttnBackend(8).backend.getName();
  if (chosen !== 'FUSED') throw new Error('the selector chose ' + chosen);
  const q = tf.randomNormal([1, 5, 4, 8], 0, 1, 'float32', 7);
  const fused = flashAttention(q, q, q, { causal: true });
  const composed = flashAttention(q, q, q, { causal: true, implementation: 'COMPOSED' });
  const distance = tf.max(tf.abs(tf.sub(fused, composed))).arraySync();
  if (!(distance < 1e-5)) throw new Error('fused and composed differ by ' + distance);
  console.log('largest difference between fused and composed: ' + distance);
  globalThis.finished = true;
</script>`;

export async function check() {
  const folder = await consumer();
  writeFileSync(join(folder, 'page.html'), PAGE);
  const printed = await visit(folder, '/page.html');
  return printed.trim().split('\n').at(-1);
}
