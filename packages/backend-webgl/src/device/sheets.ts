import { CapacityError } from '@tfjs-attention/core/provider';

/** Columns of texels that lie beside each other in a sheet. kernels/webgl/texels.glsl knows it too. */
export const SHEET = 4096;

/** Something that a sampler reads. */
export interface Readable {
  readonly texture: WebGLTexture;
  readonly target: number;
}

/**
 * Plain textures of one size with four uint32 a texel, which one draw writes together. Hot loops read these: where the
 * layer of an array is computed, a GPU may fetch at half its rate.
 */
export class Sheets {
  readonly all: readonly Readable[];
  readonly framebuffer: WebGLFramebuffer;

  /** @throws CapacityError where the driver has no memory for them. */
  constructor(
    private readonly gl: WebGL2RenderingContext,
    readonly width: number,
    readonly height: number,
    readonly count: number,
  ) {
    while (gl.getError() !== gl.NO_ERROR);
    const target = gl.TEXTURE_2D;
    this.all = Array.from({ length: count }, () => {
      const texture = gl.createTexture();
      gl.bindTexture(target, texture);
      gl.texStorage2D(target, 1, gl.RGBA32UI, width, height);
      gl.texParameteri(target, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
      gl.texParameteri(target, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
      return { texture, target };
    });
    gl.bindTexture(target, null);
    this.framebuffer = gl.createFramebuffer();
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.framebuffer);
    const attachments = this.all.map((_, i) => gl.COLOR_ATTACHMENT0 + i);
    this.all.forEach(({ texture }, i) =>
      gl.framebufferTexture2D(gl.FRAMEBUFFER, attachments[i], target, texture, 0),
    );
    gl.drawBuffers(attachments);
    if (gl.getError() !== gl.NO_ERROR) {
      this.dispose();
      throw new CapacityError(
        `the WebGL driver has no ${count} textures of ${width} x ${height} texels (${this.bytes} bytes)`,
      );
    }
  }

  get bytes(): number {
    return this.width * this.height * this.count * 16;
  }

  dispose(): void {
    this.gl.deleteFramebuffer(this.framebuffer);
    for (const { texture } of this.all) this.gl.deleteTexture(texture);
  }
}
