// The page of examples/web as a folder that a static server can serve.
import { cpSync, existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { bundleForPage } from './bundle.mjs';
import { root } from './root.mjs';

export const exampleModel = join(root, 'examples/generate/models/tiny-llama');
export const tfjsWasmFolder = join(root, 'node_modules/@tensorflow/tfjs-backend-wasm/dist');

const web = join(root, 'examples/web');
const SCRIPTS = { 'page.js': 'src/page/main.ts', 'worker.js': 'src/worker/main.ts' };
const MODEL_FILES = /\.(safetensors|json)$/;

/** Bundles scripts into `folder` and writes beside them what the checkpoint in `model` consists of. */
export async function buildWeb(folder, model) {
  if (!existsSync(join(model, 'config.json'))) {
    throw new Error(`${model}: no config.json there; --model takes a checkpoint's folder`);
  }
  mkdirSync(folder, { recursive: true });
  cpSync(join(web, 'static'), folder, { recursive: true });
  for (const [name, entry] of Object.entries(SCRIPTS)) {
    const options = { format: 'esm', minify: true, sourcemap: 'linked' };
    await bundleForPage(join(web, entry), join(folder, name), options);
  }
  const files = readdirSync(model).filter((name) => MODEL_FILES.test(name));
  const sizes = files.map((name) => [name, statSync(join(model, name)).size]);
  const listing = { name: basename(model), files: Object.fromEntries(sizes) };
  writeFileSync(join(folder, 'model.json'), JSON.stringify(listing));
}
