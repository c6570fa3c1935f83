import { bundleSnippet, rollupSnippet } from '../lib/measure.mjs';

/** What stands at the start of a WebAssembly module in base64. */
const WASM = 'AGFzbQ';

const CASES = [
  {
    what: 'core, imported and unused',
    code: `import '@tfjs-attention/core'; import { KvCache } from '@tfjs-attention/core';`,
    check: (text) => weighs(text, 0),
  },
  {
    what: 'core, used',
    code: `import { flashAttention } from '@tfjs-attention/core'; console.log(flashAttention);`,
    check: (text) => (text.includes(WASM) ? 'holds a backend' : undefined),
  },
  {
    what: 'a backend, imported to attach it',
    code: `import '@tfjs-attention/backend-cpu';`,
    check: (text) => (text.includes(WASM) ? undefined : 'lost its kernels'),
  },
];

/** Bare imports of tfjs may stay: it is not ours to say that they do nothing. */
function weighs(text, allowed) {
  const ours = text
    .replace(/import\s*(?:[\w*${},\s]+from\s*)?["']@tensorflow\/[^"']+["'];?/g, '')
    .trim();
  return ours.length > allowed ? `leaves ${ours.length} bytes: ${ours.slice(0, 200)}` : undefined;
}

export async function check() {
  const wrong = [];
  for (const { what, code, check: judge } of CASES) {
    for (const bundle of [bundleSnippet, rollupSnippet]) {
      const complaint = judge(await bundle(code));
      if (complaint !== undefined) wrong.push(`${bundle.name}: ${what} ${complaint}`);
    }
  }
  if (wrong.length > 0) throw new Error(wrong.join('\n'));
  return CASES.map(({ what }) => what).join('; ');
}
