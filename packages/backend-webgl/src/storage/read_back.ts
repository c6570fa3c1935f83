import { DeviceError } from '@tfjs-attention/core/provider';
import type { Device } from '../device/device.js';
import { FOLD, TEXELS_PER_LAYER, type TextureArray } from '../device/texture_array.js';

/** Reads the first `count` texels of a folded scratch array, as they are when this is called, without a stall. */
export async function readBack(
  { gl, tfjs }: Device,
  array: TextureArray,
  count: number,
): Promise<Uint32Array> {
  const rowsOf = (layer: number) =>
    Math.ceil(Math.min(count - layer * TEXELS_PER_LAYER, TEXELS_PER_LAYER) / FOLD);
  // Four channels whatever the texture has: the one format that every driver reads.
  const rowBytes = array.width * 16;
  const layers = Math.ceil(count / TEXELS_PER_LAYER);
  const bytes = (layers - 1) * TEXELS_PER_LAYER * 16 + rowsOf(layers - 1) * rowBytes;
  const buffer = gl.createBuffer();
  gl.bindBuffer(gl.PIXEL_PACK_BUFFER, buffer);
  gl.bufferData(gl.PIXEL_PACK_BUFFER, bytes, gl.STREAM_READ);
  for (let layer = 0; layer < layers; layer++) {
    gl.bindFramebuffer(gl.FRAMEBUFFER, array.framebuffer(layer, 1));
    const at = layer * TEXELS_PER_LAYER * 16;
    gl.readPixels(0, 0, array.width, rowsOf(layer), gl.RGBA_INTEGER, gl.UNSIGNED_INT, at);
  }
  gl.bindBuffer(gl.PIXEL_PACK_BUFFER, null);
  gl.bindFramebuffer(gl.FRAMEBUFFER, tfjs.gpgpu.framebuffer);
  try {
    await finished(gl);
    const words = new Uint32Array(bytes / 4);
    gl.bindBuffer(gl.PIXEL_PACK_BUFFER, buffer);
    gl.getBufferSubData(gl.PIXEL_PACK_BUFFER, 0, words);
    gl.bindBuffer(gl.PIXEL_PACK_BUFFER, null);
    return words.subarray(0, count * 4);
  } finally {
    gl.deleteBuffer(buffer);
  }
}

async function finished(gl: WebGL2RenderingContext): Promise<void> {
  const sync = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
  gl.flush();
  try {
    for (;;) {
      if (sync === null || gl.isContextLost()) {
        throw new DeviceError('swapBlocks: the WebGL context was lost while blocks were read');
      }
      const status = gl.clientWaitSync(sync, 0, 0);
      if (status === gl.ALREADY_SIGNALED || status === gl.CONDITION_SATISFIED) return;
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  } finally {
    gl.deleteSync(sync);
  }
}
