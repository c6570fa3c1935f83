// Program: `serve PAGE MODEL TFJS_WASM PORT` serves the built page until it is ended.
import { serveSite } from './site.js';

const [page, model, tfjsWasm, port] = process.argv.slice(2);
if (port === undefined) throw new Error('usage: PAGE MODEL TFJS_WASM PORT');

try {
  const { url } = await serveSite({ page, model, tfjsWasm }, Number(port));
  console.log(`${url}/   (Ctrl-C ends it)`);
} catch (error) {
  console.error(`error: ${(error as Error).message}; --port takes another port`);
  process.exitCode = 1;
}
