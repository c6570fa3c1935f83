import { spawn } from 'node:child_process';

export interface Result {
  /** Exit status; 127 where the program could not be started. */
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs programs; the tests put another in its place. */
export type Shell = (
  command: string,
  args: readonly string[],
  options?: { cwd?: string; input?: string; env?: NodeJS.ProcessEnv; show?: boolean },
) => Promise<Result>;

/** `show` passes what the program says on to stderr as well, such as pip's progress. */
export const shell: Shell = (command, args, { cwd, input = '', env, show = false } = {}) =>
  new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const result = { code: 0, stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream].setEncoding('utf8').on('data', (chunk: string) => {
        result[stream] += chunk;
        if (show) process.stderr.write(chunk);
      });
    }
    child.on('error', (error) => resolve({ ...result, code: 127, stderr: error.message }));
    child.on('close', (code) => resolve({ ...result, code: code ?? 1 }));
    // A program that ends without reading is judged by its exit status.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });

/** What a program said last, for a message about its failure. */
export const complaint = ({ stdout, stderr }: Result): string =>
  (stderr.trim() || stdout.trim()).split('\n').slice(-12).join('\n');
