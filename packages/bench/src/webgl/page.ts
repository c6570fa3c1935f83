// The page: every cell on this browser's WebGL, each row sent as soon as it is there.
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-backend-webgl';
import * as tf from '@tensorflow/tfjs-core';
import '@tfjs-attention/backend-webgl';
import { describeKernels, ready } from '@tfjs-attention/core';
import { benchCell } from './bench_cell.js';
import { requestOf, type PageMessage } from './messages.js';
import { fullWebGlGrid, quickWebGlGrid } from './webgl_grid.js';

/** Chains of short ops are long: a readback ends at a turn of some milliseconds, whenever the device was done. */
const FULL = { budgetMs: 3000, minSamples: 3, maxSamples: 15, chainMs: 300, mostOps: 65 };
const QUICK = { budgetMs: 500, minSamples: 2, maxSamples: 5, chainMs: 100, mostOps: 9 };

await run().catch((problem: unknown) =>
  send({ kind: 'failed', reason: problem instanceof Error ? problem.message : String(problem) }),
);
await send({ kind: 'end' });

async function run(): Promise<void> {
  tf.env().set('SOFTWARE_WEBGL_ENABLED', true);
  tf.enableProdMode();
  if (!(await tf.setBackend('webgl'))) throw new Error("tfjs backend 'webgl' does not start");
  await ready('webgl');
  const { quick, filter } = requestOf(location.search);
  const cells = (quick ? quickWebGlGrid() : fullWebGlGrid()).filter(({ name }) =>
    name.includes(filter),
  );
  const renderer = rendererName();
  await send({ kind: 'start', renderer, kernels: describeKernels(), cells: cells.length });
  for (const cell of cells) {
    const row = await benchCell(cell, quick ? QUICK : FULL, 'webgl', renderer).catch(
      (problem: unknown) => `failed: ${(problem as Error).message}`,
    );
    if (typeof row !== 'string') await send({ kind: 'row', row });
    else await send({ kind: 'bad', cell: cell.name, reason: row });
  }
}

function rendererName(): string {
  const { gl } = (tf.backend() as unknown as { gpgpu: { gl: WebGL2RenderingContext } }).gpgpu;
  const info = gl.getExtension('WEBGL_debug_renderer_info');
  return String(gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER));
}

async function send(message: PageMessage): Promise<void> {
  await fetch('/', { method: 'POST', body: JSON.stringify(message) });
}
