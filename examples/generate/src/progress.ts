import { SingleBar } from 'cli-progress';

/** Whether {@link withProgress} shows a bar; other output has to wait then. */
export function showsProgress(quiet: boolean): boolean {
  return !quiet && process.stderr.isTTY;
}

/**
 * Runs `fn` under a progress bar on stderr, which ends with `fn` or when `total` is reached. Silent where stderr is no
 * terminal or nobody wants it.
 */
export async function withProgress<T>(
  label: string,
  total: number,
  quiet: boolean,
  fn: (update: (done: number) => void) => T | Promise<T>,
): Promise<T> {
  if (!showsProgress(quiet)) return fn(() => undefined);
  const bar = new SingleBar({
    format: `${label} [{bar}] {value}/{total}`,
    stream: process.stderr,
    clearOnComplete: true,
    stopOnComplete: true,
    barsize: 30,
  });
  bar.start(total, 0);
  try {
    return await fn((done) => bar.update(done));
  } finally {
    // Its timer would keep the process alive.
    if (bar.isActive) bar.stop();
  }
}
