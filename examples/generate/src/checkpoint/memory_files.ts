import { demand } from '../user_error.js';
import type { ByteFile, CheckpointFiles } from './files.js';

/** A checkpoint directory whose files are in memory, as a page has them after its downloads. */
export class MemoryFiles implements CheckpointFiles {
  constructor(
    readonly path: string,
    private readonly contents: ReadonlyMap<string, Uint8Array>,
  ) {}

  pathOf(name: string): string {
    return `${this.path}/${name}`;
  }

  has(name: string): boolean {
    return this.contents.has(name);
  }

  readText(name: string): string {
    return new TextDecoder().decode(this.bytesOf(name));
  }

  open(name: string): ByteFile {
    const path = this.pathOf(name);
    const bytes = this.bytesOf(name);
    return {
      path,
      size: bytes.length,
      read: (into, offset) => {
        const end = offset + into.length;
        demand(end <= bytes.length, `${path}: ends before byte ${end}; it is cut off`);
        into.set(bytes.subarray(offset, end));
      },
      close: () => undefined,
    };
  }

  private bytesOf(name: string): Uint8Array {
    const bytes = this.contents.get(name);
    demand(bytes !== undefined, `${this.pathOf(name)}: no such file`);
    return bytes;
  }
}
