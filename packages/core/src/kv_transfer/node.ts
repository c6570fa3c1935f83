// Files: for Node only, so it stands in an entry point of its own.
import { randomUUID } from 'node:crypto';
import { access, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { KvStore } from './store.js';

/**
 * A folder with one safetensors file a block; made when the first is written. A file appears whole or not at all, so
 * several processes may share the folder.
 *
 * ```js
 * import {KvStoreConnector} from '@tfjs-attention/core';
 * import {FileKvStore} from '@tfjs-attention/core/kv_transfer/node';
 * const connector = new KvStoreConnector({store: new FileKvStore('/var/cache/kv'), model: 'my-model'});
 * ```
 */
export class FileKvStore implements KvStore {
  constructor(readonly folder: string) {}

  async has(key: string): Promise<boolean> {
    try {
      await access(this.path(key));
      return true;
    } catch (error) {
      return absent(error, false);
    }
  }

  async read(key: string): Promise<Uint8Array | undefined> {
    try {
      return new Uint8Array(await readFile(this.path(key)));
    } catch (error) {
      return absent(error, undefined);
    }
  }

  async write(key: string, bytes: Uint8Array): Promise<void> {
    const path = this.path(key);
    await mkdir(this.folder, { recursive: true });
    const partial = `${path}.${randomUUID()}`;
    await writeFile(partial, bytes);
    await rename(partial, path);
  }

  private path(key: string): string {
    return join(this.folder, `${key}.safetensors`);
  }
}

function absent<T>(error: unknown, value: T): T {
  if ((error as { code?: string }).code === 'ENOENT') return value;
  throw error;
}
