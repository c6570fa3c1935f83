// Firefox on a virtual screen: without one it offers no WebGL. Its pages report by POST, so nothing has to steer it.
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';

export interface Firefox {
  browser: string;
  xvfb: string;
}

const BROWSERS = ['/usr/bin/firefox-esr', '/usr/bin/firefox'];
const XVFB = '/usr/bin/Xvfb';

/** FIREFOX_PATH or a usual place, with Xvfb; else what is missing. */
export function findFirefox(): Firefox | string {
  const named = process.env.FIREFOX_PATH;
  const places = named === undefined || named === '' ? BROWSERS : [named];
  const browser = places.find((path) => existsSync(path));
  if (browser === undefined) return 'no Firefox found (Debian: firefox-esr)';
  if (!existsSync(XVFB)) return 'no Xvfb found (Debian: xvfb), without which Firefox has no WebGL';
  return { browser, xvfb: XVFB };
}

/** Software WebGL is allowed, nothing is asked or reported. */
const PREFERENCES = {
  'webgl.force-enabled': true,
  'webgl.forbid-software': false,
  'gfx.x11-egl.force-enabled': true,
  'dom.workers.maxPerDomain': 8,
  'browser.shell.checkDefaultBrowser': false,
  'datareporting.policy.dataSubmissionEnabled': false,
  'app.update.enabled': false,
};

/** Opens `url` in a fresh profile until `ended` settles. */
export async function visitInFirefox<T>(
  { browser, xvfb }: Firefox,
  url: string,
  ended: Promise<T>,
): Promise<T> {
  const home = mkdtempSync(join(tmpdir(), 'firefox-'));
  const lines = Object.entries(PREFERENCES).map(
    ([name, value]) => `user_pref("${name}", ${JSON.stringify(value)});\n`,
  );
  writeFileSync(join(home, 'user.js'), lines.join(''));
  const screen = await startScreen(xvfb);
  const process_ = spawn(browser, ['--no-remote', '--profile', home, url], {
    env: { ...process.env, HOME: home, DISPLAY: screen.display, LIBGL_ALWAYS_SOFTWARE: '1' },
    stdio: 'ignore',
  });
  const died = new Promise<never>((_, reject) => {
    process_.once('error', reject);
    process_.once('exit', (code) => reject(new Error(`Firefox ended with ${code}`)));
  });
  try {
    return await Promise.race([ended, died]);
  } finally {
    await end(process_);
    await end(screen.server);
    rmSync(home, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** A virtual screen on the first free display. */
async function startScreen(xvfb: string): Promise<{ server: ChildProcess; display: string }> {
  const args = ['-displayfd', '3', '-screen', '0', '800x600x24', '-nolisten', 'tcp'];
  const server = spawn(xvfb, args, { stdio: ['ignore', 'ignore', 'ignore', 'pipe'] });
  const output = server.stdio[3] as Readable;
  const display = await new Promise<string>((resolve, reject) => {
    server.once('error', reject);
    server.once('exit', (code) => reject(new Error(`Xvfb ended with ${code}`)));
    output.once('data', (data: Buffer) => resolve(`:${data.toString().trim()}`));
  });
  return { server, display };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill();
  await gone;
}
