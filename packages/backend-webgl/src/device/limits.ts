import { SHEET } from './sheets.js';

/** What a WebGL 2 context can do, as far as kernels are shaped by it. */
export interface Limits {
  readonly maxTextureSize: number;
  readonly maxLayers: number;
  /** Attachments that one fragment may write, 4 or 8. */
  readonly drawBuffers: 4 | 8;
  readonly renderer: string;
}

/** Everything that speaks against a context; empty = it serves. */
export function reasonsAgainst(gl: WebGLRenderingContext | WebGL2RenderingContext): string[] {
  if (gl.isContextLost()) {
    return ["the WebGL context is lost: call tf.removeBackend('webgl') and set the backend again"];
  }
  if (!('texStorage3D' in gl)) {
    return ['the context is WebGL 1; the kernels need WebGL 2 (multiple integer render targets)'];
  }
  const reasons: string[] = [];
  const number = (name: number) => gl.getParameter(name) as number;
  const atLeast = (what: string, actual: number, least: number) => {
    if (actual < least) reasons.push(`${what} is ${actual}, the kernels need ${least}`);
  };
  atLeast('MAX_TEXTURE_SIZE', number(gl.MAX_TEXTURE_SIZE), SHEET);
  atLeast('MAX_DRAW_BUFFERS', number(gl.MAX_DRAW_BUFFERS), 4);
  atLeast('MAX_COLOR_ATTACHMENTS', number(gl.MAX_COLOR_ATTACHMENTS), 4);
  atLeast('MAX_TEXTURE_IMAGE_UNITS', number(gl.MAX_TEXTURE_IMAGE_UNITS), 12);
  atLeast('MAX_VERTEX_TEXTURE_IMAGE_UNITS', number(gl.MAX_VERTEX_TEXTURE_IMAGE_UNITS), 1);
  return reasons;
}

let believed: Partial<Limits> = {};

/** Has devices that come up from now on believe in other limits than their context's: tests of small devices on large ones. */
export function believeLimits(limits: Partial<Limits>): void {
  believed = limits;
}

export function readLimits(gl: WebGL2RenderingContext): Limits {
  const number = (name: number) => gl.getParameter(name) as number;
  const info = gl.getExtension('WEBGL_debug_renderer_info');
  const attachments = Math.min(number(gl.MAX_DRAW_BUFFERS), number(gl.MAX_COLOR_ATTACHMENTS));
  return {
    maxTextureSize: number(gl.MAX_TEXTURE_SIZE),
    maxLayers: number(gl.MAX_ARRAY_TEXTURE_LAYERS),
    drawBuffers: attachments >= 8 ? 8 : 4,
    renderer: String(gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER)),
    ...believed,
  };
}
