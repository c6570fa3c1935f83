import { spawn } from 'node:child_process';
import { root } from './root.mjs';

/**
 * Runs a program and resolves to `{ code, output }`. What it writes goes to our stderr, so that stdout stays free;
 * `stdout: 'inherit'` hands ours over, `stdout: 'pipe'` collects it, `echo` shows what is collected as it comes. After
 * `timeout` ms it is ended.
 */
export function run(command, args, { cwd = root, env, stdout = 2, echo = false, timeout } = {}) {
  return new Promise((resolve, reject) => {
    const piped = stdout === 'pipe';
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['inherit', stdout, piped ? 'pipe' : 2],
      timeout,
      shell: process.platform === 'win32' && /^np[mx]$/.test(command),
    });
    let output = '';
    const collect = (chunk) => {
      output += chunk;
      if (echo) process.stderr.write(chunk);
    };
    child.stdout?.setEncoding('utf8').on('data', collect);
    child.stderr?.setEncoding('utf8').on('data', collect);
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code: code ?? 1, signal, output }));
  });
}

/** As `run`, but a failure throws with what the program said. */
export async function mustRun(command, args, options = {}) {
  const result = await run(command, args, options);
  if (result.code !== 0) {
    throw new Error(
      `${[command, ...args].join(' ')} ended with ${result.signal ?? result.code}\n${result.output}`.trim(),
    );
  }
  return result.output;
}
