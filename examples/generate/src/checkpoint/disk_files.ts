import {
  closeSync,
  existsSync,
  fstatSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { demand, reasonOf, UserError } from '../user_error.js';
import type { ByteFile, CheckpointFiles } from './files.js';

/** A checkpoint directory on disk. */
export class DiskFiles implements CheckpointFiles {
  /** @throws UserError where there is no such directory. */
  constructor(readonly path: string) {
    demand(
      statSync(path, { throwIfNoEntry: false })?.isDirectory() === true,
      `${path}: no such directory; --model takes one with config.json and model.safetensors`,
    );
  }

  pathOf(name: string): string {
    return join(this.path, name);
  }

  has(name: string): boolean {
    return existsSync(this.pathOf(name));
  }

  readText(name: string): string {
    const path = this.pathOf(name);
    try {
      return readFileSync(path, 'utf8');
    } catch (error) {
      throw new UserError(`${path}: cannot be read (${reasonOf(error)})`);
    }
  }

  open(name: string): ByteFile {
    return new DiskFile(this.pathOf(name));
  }
}

/** An open file on disk, of which nothing is kept in memory. */
export class DiskFile implements ByteFile {
  readonly size: number;
  private readonly descriptor: number;

  constructor(readonly path: string) {
    try {
      this.descriptor = openSync(path, 'r');
    } catch (error) {
      throw new UserError(`${path}: cannot be opened (${reasonOf(error)})`);
    }
    this.size = fstatSync(this.descriptor).size;
  }

  read(bytes: Uint8Array, offset: number): void {
    for (let done = 0; done < bytes.length;) {
      // Node reads at most 2 GiB at once.
      const part = Math.min(bytes.length - done, 2 ** 30);
      const count = readSync(this.descriptor, bytes, done, part, offset + done);
      demand(count > 0, `${this.path}: ends before byte ${offset + bytes.length}; it is cut off`);
      done += count;
    }
  }

  close(): void {
    closeSync(this.descriptor);
  }
}
