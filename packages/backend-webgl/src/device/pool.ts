import { TextureArray, type TexelKind } from './texture_array.js';

/** Unused scratch above this is freed before more is made: calls of many sizes would leave one array each. */
const MOST_FREE_BYTES = 2 ** 28;

/** Scratch textures, kept between calls so that a decode step allocates nothing. */
export class TexturePool {
  private readonly free: TextureArray[] = [];
  private readonly used = new Set<TextureArray>();

  /** `count` hears of every byte made and freed. */
  constructor(
    private readonly gl: WebGL2RenderingContext,
    private readonly count: (bytes: number) => void,
  ) {}

  /** A folded array with room for `count` texels. */
  folded(kind: TexelKind, count: number): TextureArray {
    return this.take(
      kind,
      ({ isFolded, capacity }) => isFolded && capacity >= count,
      () => TextureArray.folded(this.gl, kind, roundUp(count)),
    );
  }

  /** A plain array of at least this size with exactly these layers. */
  plain(width: number, height: number, layers: number): TextureArray {
    return this.take(
      'texels',
      (a) => !a.isFolded && a.layers === layers && a.width >= width && a.height >= height,
      () => new TextureArray(this.gl, 'texels', width, height, layers),
    );
  }

  private take(
    kind: TexelKind,
    fits: (array: TextureArray) => boolean,
    make: () => TextureArray,
  ): TextureArray {
    let best = -1;
    this.free.forEach((array, i) => {
      if (array.kind !== kind || !fits(array)) return;
      if (best < 0 || array.bytes < this.free[best].bytes) best = i;
    });
    const array = best < 0 ? this.make(make) : this.free.splice(best, 1)[0];
    this.used.add(array);
    return array;
  }

  private make(make: () => TextureArray): TextureArray {
    const unused = this.free.reduce((sum, { bytes }) => sum + bytes, 0);
    if (unused > MOST_FREE_BYTES) {
      for (const array of this.free.splice(0)) array.dispose();
      this.count(-unused);
    }
    const array = make();
    this.count(array.bytes);
    return array;
  }

  give(array: TextureArray): void {
    if (this.used.delete(array)) this.free.push(array);
  }
}

/** To a quarter of its power of two, so that growing batches reuse textures. */
function roundUp(count: number): number {
  const step = Math.max(2048, 2 ** (Math.floor(Math.log2(count)) - 2));
  return Math.ceil(count / step) * step;
}
