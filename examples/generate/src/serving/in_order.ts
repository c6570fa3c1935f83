/** Hands things on by their index, from 0, whatever order they come in: each as soon as all before it are there. */
export class InOrder<T extends { index: number }> {
  private readonly held = new Map<number, T>();
  private next = 0;

  constructor(private readonly take: (thing: T) => void) {}

  add(thing: T): void {
    this.held.set(thing.index, thing);
    for (let first = this.held.get(this.next); first; first = this.held.get(this.next)) {
      this.held.delete(this.next++);
      this.take(first);
    }
  }
}
