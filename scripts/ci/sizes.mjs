import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundleSnippet, gzipped } from '../lib/measure.mjs';
import { root } from '../lib/root.mjs';

/** Budgets in KiB of gzip; tfjs itself is not counted. backend-cpu carries two WebAssembly modules of 97 KB in base64, a fifth of it the backward kernel. */
const BUDGETS = [
  { what: 'flashAttention alone', kib: 16, code: pick('{ flashAttention }', 'core') },
  { what: 'all of core', kib: 84, code: pick('* as all', 'core') },
  { what: 'backend-cpu with core', kib: 116, code: pick('* as all', 'backend-cpu') },
];
const SCRIPT = { what: 'tfjs-attention.min.js', kib: 240 };

function pick(names, name) {
  return `import ${names} from '@tfjs-attention/${name}'; console.log(${names});`.replace(
    'console.log(* as all)',
    'console.log(all)',
  );
}

export async function check() {
  const script = readFileSync(join(root, 'packages/tfjs-attention/dist', SCRIPT.what));
  const sizes = [{ ...SCRIPT, size: gzipped(script) }];
  for (const budget of BUDGETS) {
    sizes.push({ ...budget, size: gzipped(await bundleSnippet(budget.code)) });
  }
  const row = ({ what, kib, size }) => `${what} ${(size / 1024).toFixed(1)} of ${kib} KiB`;
  const over = sizes.filter(({ kib, size }) => size > kib * 1024);
  if (over.length > 0) throw new Error(`over budget: ${over.map(row).join(', ')}`);
  return sizes.map(row).join(', ');
}
