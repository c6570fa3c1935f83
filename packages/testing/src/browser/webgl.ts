import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-webgl';

/** tfjs 'webgl' on whatever driver the page has, software ones included. */
export async function setWebGlBackend(flags: Record<string, boolean> = {}): Promise<void> {
  tf.env().set('SOFTWARE_WEBGL_ENABLED', true);
  tf.env().set('IS_TEST', true);
  for (const [flag, value] of Object.entries(flags)) tf.env().set(flag, value);
  if (!(await tf.setBackend('webgl'))) throw new Error("tf.setBackend('webgl') failed");
}

/** The context behind the active backend. */
export function contextOf(backend: object = tf.backend()): WebGL2RenderingContext {
  return (backend as { gpgpu: { gl: WebGL2RenderingContext } }).gpgpu.gl;
}

/** Whether Chromium's own software driver draws, of which some shaders ask minutes of compiling. */
export function drawsOnSwiftShader(): boolean {
  const gl = new OffscreenCanvas(1, 1).getContext('webgl2');
  const info = gl?.getExtension('WEBGL_debug_renderer_info');
  return (
    gl != null &&
    info != null &&
    /swiftshader/i.test(String(gl.getParameter(info.UNMASKED_RENDERER_WEBGL)))
  );
}
