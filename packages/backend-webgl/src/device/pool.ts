import { Sheets } from './sheets.js';
import { TextureArray, type TexelKind } from './texture_array.js';

/** Unused scratch above this is freed before more is made: calls of many sizes would leave one array each. */
const MOST_FREE_BYTES = 2 ** 28;

type Scratch = TextureArray | Sheets;

/** Scratch textures, kept between calls so that a decode step allocates nothing. */
export class TexturePool {
  private readonly free: Scratch[] = [];
  private readonly used = new Set<Scratch>();

  /** `count` hears of every byte made and freed. */
  constructor(
    private readonly gl: WebGL2RenderingContext,
    private readonly count: (bytes: number) => void,
  ) {}

  /** A folded array with room for `count` texels. */
  folded(kind: TexelKind, count: number): TextureArray {
    return this.take(
      (a): a is TextureArray =>
        a instanceof TextureArray && a.kind === kind && a.isFolded && a.capacity >= count,
      () => TextureArray.folded(this.gl, kind, roundUp(count)),
    );
  }

  /** A plain array of at least this size with exactly these layers. */
  plain(width: number, height: number, layers: number): TextureArray {
    return this.take(
      (a): a is TextureArray =>
        a instanceof TextureArray &&
        !a.isFolded &&
        a.layers === layers &&
        a.width >= width &&
        a.height >= height,
      () => new TextureArray(this.gl, 'texels', width, height, layers),
    );
  }

  /** Exactly this many sheets of at least this size. */
  sheets(width: number, height: number, count: number): Sheets {
    return this.take(
      (a): a is Sheets =>
        a instanceof Sheets && a.count === count && a.width >= width && a.height >= height,
      () => new Sheets(this.gl, width, height, count),
    );
  }

  private take<T extends Scratch>(fits: (scratch: Scratch) => scratch is T, make: () => T): T {
    let best: T | undefined;
    for (const scratch of this.free) {
      if (fits(scratch) && (best === undefined || scratch.bytes < best.bytes)) best = scratch;
    }
    if (best === undefined) best = this.make(make);
    else this.free.splice(this.free.indexOf(best), 1);
    this.used.add(best);
    return best;
  }

  private make<T extends Scratch>(make: () => T): T {
    const unused = this.free.reduce((sum, { bytes }) => sum + bytes, 0);
    if (unused > MOST_FREE_BYTES) {
      for (const array of this.free.splice(0)) array.dispose();
      this.count(-unused);
    }
    const array = make();
    this.count(array.bytes);
    return array;
  }

  give(array: Scratch): void {
    if (this.used.delete(array)) this.free.push(array);
  }
}

/** To a quarter of its power of two, so that growing batches reuse textures. */
function roundUp(count: number): number {
  const step = Math.max(2048, 2 ** (Math.floor(Math.log2(count)) - 2));
  return Math.ceil(count / step) * step;
}
