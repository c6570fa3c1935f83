import { CapacityError } from '@tfjs-attention/core/provider';

/** Side of a layer of a folded array: the largest that WebGL 2 promises. kernels/webgl/texels.glsl knows it too. */
export const FOLD = 2048;
export const TEXELS_PER_LAYER = FOLD * FOLD;

/** 'words' has one uint32 a texel, 'texels' four, 'ints' four int32. */
export type TexelKind = 'texels' | 'words' | 'ints';

const CHANNELS: Readonly<Record<TexelKind, number>> = { texels: 4, words: 1, ints: 4 };

/** A texture array of our own, outside tfjs's texture manager. Fresh ones read as 0. */
export class TextureArray {
  readonly texture: WebGLTexture;
  private readonly framebuffers = new Map<number, WebGLFramebuffer>();

  /** @throws CapacityError where the driver has no memory for it. */
  constructor(
    private readonly gl: WebGL2RenderingContext,
    readonly kind: TexelKind,
    readonly width: number,
    readonly height: number,
    readonly layers: number,
    /** Whether one index addresses it. */
    readonly isFolded = false,
  ) {
    const texture = gl.createTexture();
    while (gl.getError() !== gl.NO_ERROR);
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, texture);
    gl.texStorage3D(gl.TEXTURE_2D_ARRAY, 1, this.internalFormat, width, height, layers);
    for (const filter of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) {
      gl.texParameteri(gl.TEXTURE_2D_ARRAY, filter, gl.NEAREST);
    }
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, null);
    if (gl.getError() !== gl.NO_ERROR) {
      gl.deleteTexture(texture);
      throw new CapacityError(
        `the WebGL driver has no texture array of ${width} x ${height} x ${layers} texels (${this.bytes} bytes)`,
      );
    }
    this.texture = texture;
  }

  /** An array that is addressed by one index, with room for `count` texels. */
  static folded(gl: WebGL2RenderingContext, kind: TexelKind, count: number): TextureArray {
    const layers = Math.max(1, Math.ceil(count / TEXELS_PER_LAYER));
    const rows = layers > 1 ? FOLD : Math.max(1, Math.ceil(count / FOLD));
    const columns = rows > 1 ? FOLD : Math.max(1, count);
    return new TextureArray(gl, kind, columns, rows, layers, true);
  }

  get target(): number {
    return this.gl.TEXTURE_2D_ARRAY;
  }

  get channels(): number {
    return CHANNELS[this.kind];
  }

  get capacity(): number {
    return this.width * this.height * this.layers;
  }

  get bytes(): number {
    return this.capacity * this.channels * 4;
  }

  private get internalFormat(): number {
    const { gl } = this;
    switch (this.kind) {
      case 'texels':
        return gl.RGBA32UI;
      case 'words':
        return gl.R32UI;
      case 'ints':
        return gl.RGBA32I;
    }
  }

  /** A framebuffer that writes `count` layers from `first` on, layer i through output i. */
  framebuffer(first: number, count: number): WebGLFramebuffer {
    const { gl } = this;
    const key = first * 16 + count;
    const found = this.framebuffers.get(key);
    if (found !== undefined) return found;
    const framebuffer = gl.createFramebuffer();
    gl.bindFramebuffer(gl.FRAMEBUFFER, framebuffer);
    const attachments = Array.from({ length: count }, (_, i) => gl.COLOR_ATTACHMENT0 + i);
    attachments.forEach((attachment, i) =>
      gl.framebufferTextureLayer(gl.FRAMEBUFFER, attachment, this.texture, 0, first + i),
    );
    gl.drawBuffers(attachments);
    this.framebuffers.set(key, framebuffer);
    return framebuffer;
  }

  /** Writes whole rows of the fold, from texel 0 on; `values` may end inside a row. */
  upload(values: Int32Array | Uint32Array): void {
    const { gl, width } = this;
    const perRow = width * this.channels;
    const rows = Math.ceil(values.length / perRow);
    const [format, type] =
      this.kind === 'ints'
        ? [gl.RGBA_INTEGER, gl.INT]
        : [this.kind === 'words' ? gl.RED_INTEGER : gl.RGBA_INTEGER, gl.UNSIGNED_INT];
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, this.texture);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 4);
    gl.bindBuffer(gl.PIXEL_UNPACK_BUFFER, null);
    const put = (row: number, columns: number, count: number, part: Int32Array | Uint32Array) => {
      const layer = Math.floor(row / this.height);
      const y = row - layer * this.height;
      gl.texSubImage3D(gl.TEXTURE_2D_ARRAY, 0, 0, y, layer, columns, count, 1, format, type, part);
    };
    const whole = values.length % perRow === 0 ? rows : rows - 1;
    for (let row = 0; row < whole;) {
      const count = Math.min(whole - row, this.height - (row % this.height));
      put(row, width, count, values.subarray(row * perRow, (row + count) * perRow));
      row += count;
    }
    if (whole < rows) {
      const rest = values.subarray(whole * perRow);
      put(whole, rest.length / this.channels, 1, rest);
    }
    gl.bindTexture(gl.TEXTURE_2D_ARRAY, null);
  }

  dispose(): void {
    for (const framebuffer of this.framebuffers.values()) this.gl.deleteFramebuffer(framebuffer);
    this.framebuffers.clear();
    this.gl.deleteTexture(this.texture);
  }
}
