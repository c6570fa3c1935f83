import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What draws: Chromium's own software, the system's OpenGL ES through EGL, or its Vulkan. */
export const DRIVERS = {
  swiftshader: ['--use-angle=swiftshader', '--enable-unsafe-swiftshader'],
  'gl-egl': ['--use-angle=gl-egl'],
  vulkan: ['--use-angle=vulkan', '--enable-features=Vulkan'],
} as const;
export type Driver = keyof typeof DRIVERS;

const FLAGS = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu-sandbox',
  '--disable-gpu-watchdog',
  '--disable-dev-shm-usage',
  '--ignore-gpu-blocklist',
  '--no-first-run',
  '--disable-quic',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--use-gl=angle',
];

/** Opens `url` in a headless Chromium of a fresh profile until `ended` settles. */
export async function visitInChromium(
  executable: string,
  driver: Driver,
  url: string,
  ended: Promise<void>,
): Promise<void> {
  const profile = mkdtempSync(join(tmpdir(), 'bench-chromium-'));
  const flags = [...FLAGS, ...DRIVERS[driver], `--user-data-dir=${profile}`];
  const browser = spawn(executable, [...flags, url], { stdio: 'ignore' });
  const gone = new Promise<number | null>((resolve, reject) => {
    browser.once('error', reject);
    browser.once('exit', (code) => resolve(code));
  });
  const died = gone.then((code) => {
    throw new Error(`${executable} ended with ${code} before the benchmark did`);
  });
  try {
    await Promise.race([ended, died]);
  } finally {
    died.catch(() => undefined);
    browser.kill();
    await gone.catch(() => undefined);
    rmSync(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 200 });
  }
}
