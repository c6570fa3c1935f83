// Before the first test: compile the kernels if they are missing or old, and lay their text where jest can import it.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildKernels } from '../../scripts/lib/kernels.mjs';
import { moduleOf } from './text_modules.js';

const dist = fileURLToPath(new URL('../dist/', import.meta.url));

export default async function setup() {
  await buildKernels();
  const text = join(dist, 'text');
  mkdirSync(text, { recursive: true });
  for (const file of readdirSync(dist).filter((name) => name.endsWith('.wasm'))) {
    const target = join(text, file.replace(/\.wasm$/, '.js'));
    const code = moduleOf(join(dist, file));
    if (!existsSync(target) || readFileSync(target, 'utf8') !== code) writeFileSync(target, code);
  }
}
