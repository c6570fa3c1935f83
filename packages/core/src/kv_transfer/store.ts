/** Where a connector keeps bytes by key; keys are file names: lower-case hexadecimal. */
export interface KvStore {
  has(key: string): Promise<boolean>;
  /** Undefined: there is none. */
  read(key: string): Promise<Uint8Array | undefined>;
  /** Keeps a copy; what another wrote under the key is the same bytes. */
  write(key: string, bytes: Uint8Array): Promise<void>;
}

/** Keeps everything in this process's memory. */
export class MemoryKvStore implements KvStore {
  private readonly entries = new Map<string, Uint8Array>();

  /** Bytes kept. */
  get bytes(): number {
    let sum = 0;
    for (const entry of this.entries.values()) sum += entry.byteLength;
    return sum;
  }

  get size(): number {
    return this.entries.size;
  }

  has(key: string): Promise<boolean> {
    return Promise.resolve(this.entries.has(key));
  }

  read(key: string): Promise<Uint8Array | undefined> {
    return Promise.resolve(this.entries.get(key)?.slice());
  }

  write(key: string, bytes: Uint8Array): Promise<void> {
    this.entries.set(key, bytes.slice());
    return Promise.resolve();
  }

  clear(): void {
    this.entries.clear();
  }
}
