/** How a prefill workgroup is cut: threads in `columns` by `rowThreads`, each with `rowsEach` query rows and four keys. */
export interface PrefillTile {
  readonly columns: number;
  readonly rowThreads: number;
  readonly rowsEach: number;
}

export interface Tuning {
  /** Tiles in order of preference: the first that fits the device serves. */
  readonly prefill: readonly PrefillTile[];
  /** Quads of lanes of a key that lie in workgroup memory at once. */
  readonly chunkQuads: number;
  /** Numbers that a thread keeps of the output: beyond it registers spill. */
  readonly outputRegisters: number;
  readonly decode: {
    readonly threads: number;
    readonly rows: number;
    /** Keys of a tile, and those that a thread reads at once. */
    readonly keys: number;
    readonly keysEach: number;
    readonly valuesEach: number;
    readonly keyThreads: number;
  };
  /** Workgroups that keep the device busy: fewer, and keys are split. */
  readonly workgroups: number;
  /** Tiles below which a split is not worth its merge. */
  readonly leastTiles: number;
}

const COMMON: Tuning = {
  prefill: [
    { columns: 16, rowThreads: 16, rowsEach: 4 },
    { columns: 16, rowThreads: 8, rowsEach: 4 },
    { columns: 8, rowThreads: 8, rowsEach: 4 },
    { columns: 16, rowThreads: 8, rowsEach: 2 },
    { columns: 16, rowThreads: 4, rowsEach: 2 },
    { columns: 16, rowThreads: 4, rowsEach: 1 },
  ],
  chunkQuads: 8,
  outputRegisters: 64,
  decode: { threads: 64, rows: 8, keys: 128, keysEach: 2, valuesEach: 4, keyThreads: 8 },
  workgroups: 64,
  leastTiles: 1,
};

/** SwiftShader and lavapipe take seconds to compile long shaders, and a processor's threads are few. */
const SOFTWARE: Tuning = {
  ...COMMON,
  prefill: [
    { columns: 8, rowThreads: 8, rowsEach: 1 },
    { columns: 8, rowThreads: 4, rowsEach: 1 },
    { columns: 16, rowThreads: 4, rowsEach: 1 },
  ],
  outputRegisters: 32,
  decode: { threads: 32, rows: 2, keys: 32, keysEach: 1, valuesEach: 1, keyThreads: 4 },
  workgroups: 8,
};

/** Numbers found by measuring, by what an adapter calls its maker; docs/performance-log.md says where they come from. */
const BY_VENDOR: Readonly<Record<string, Tuning>> = {
  nvidia: { ...COMMON, workgroups: 1056 },
  google: SOFTWARE,
  mesa: SOFTWARE,
};

export function tuningFor(adapter: string): Tuning {
  return BY_VENDOR[adapter.split(' ')[0]] ?? COMMON;
}
