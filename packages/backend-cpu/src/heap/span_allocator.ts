/** Addresses and lengths are multiples of this: a cache line, and more than any vector load asks for. */
const ALIGNMENT = 64;

export function alignUp(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

interface Span {
  start: number;
  end: number;
}

/** First fit over a sorted list of free spans; neighbours grow together again when freed. Knows numbers, no memory. */
export class SpanAllocator {
  private readonly free: Span[] = [];
  private readonly lengths = new Map<number, number>();
  private limit: number;
  /** Bytes handed out. */
  inUse = 0;
  /** No address at or past this was ever handed out. */
  highWater: number;

  constructor(start: number, end: number) {
    const first = alignUp(start);
    this.limit = Math.floor(end / ALIGNMENT) * ALIGNMENT;
    this.highWater = first;
    if (this.limit > first) this.free.push({ start: first, end: this.limit });
  }

  /** The address of a free stretch, or undefined where none is long enough. */
  take(byteLength: number): number | undefined {
    const length = Math.max(ALIGNMENT, alignUp(byteLength));
    const index = this.free.findIndex(({ start, end }) => end - start >= length);
    if (index < 0) return undefined;
    const span = this.free[index];
    const address = span.start;
    span.start += length;
    if (span.start === span.end) this.free.splice(index, 1);
    this.lengths.set(address, length);
    this.inUse += length;
    this.highWater = Math.max(this.highWater, address + length);
    return address;
  }

  /** Takes back what `take` gave; another address is ignored. */
  release(address: number): void {
    const length = this.lengths.get(address);
    if (length === undefined) return;
    this.lengths.delete(address);
    this.inUse -= length;
    this.insert({ start: address, end: address + length });
  }

  /** The memory now ends at `end`. */
  extend(end: number): void {
    const limit = Math.floor(end / ALIGNMENT) * ALIGNMENT;
    if (limit <= this.limit) return;
    this.insert({ start: this.limit, end: limit });
    this.limit = limit;
  }

  /** Bytes that the memory must grow by so that `take(byteLength)` succeeds. */
  missing(byteLength: number): number {
    const last = this.free.at(-1);
    const tail = last !== undefined && last.end === this.limit ? last.end - last.start : 0;
    return Math.max(ALIGNMENT, alignUp(byteLength)) - tail;
  }

  private insert(span: Span): void {
    let index = this.free.findIndex(({ start }) => start > span.start);
    if (index < 0) index = this.free.length;
    const before = this.free[index - 1];
    const after = this.free[index];
    const joinsBefore = before !== undefined && before.end === span.start;
    const joinsAfter = after !== undefined && after.start === span.end;
    if (joinsBefore && joinsAfter) {
      before.end = after.end;
      this.free.splice(index, 1);
    } else if (joinsBefore) {
      before.end = span.end;
    } else if (joinsAfter) {
      after.start = span.start;
    } else {
      this.free.splice(index, 0, span);
    }
  }
}
