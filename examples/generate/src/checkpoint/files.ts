// Where a checkpoint's files come from. Everything else reads them through this, so that it runs in browsers as well.

/** A file that is read at any place, without waiting. */
export interface ByteFile {
  /** Shown in errors. */
  readonly path: string;
  readonly size: number;
  /**
   * Fills `bytes` from `offset` on.
   *
   * @throws UserError where the file ends first.
   */
  read(bytes: Uint8Array, offset: number): void;
  close(): void;
}

/** A checkpoint directory, wherever it lies. */
export interface CheckpointFiles {
  /** The directory's own name, shown in errors. */
  readonly path: string;
  /** A file's name with its directory, shown in errors. */
  pathOf(name: string): string;
  has(name: string): boolean;
  /** @throws UserError naming a file that cannot be read. */
  readText(name: string): string;
  /** @throws UserError naming a file that cannot be opened. */
  open(name: string): ByteFile;
}
