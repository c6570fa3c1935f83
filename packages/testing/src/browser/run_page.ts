// Runs one bundled browser test file in a page of its own.
import { dirname, basename } from 'node:path';
import { openPage, type Device } from './chromium.js';
import type { PageResult } from './page_test.js';
import { serve, type PageOptions } from './server.js';

/** What a test file asks for in a first line of the form `// @page {"isolated": false}`. */
export interface PageSettings extends PageOptions {
  /** Software devices to switch on. Default none. */
  devices?: Device[];
}

export function settingsOf(source: string): PageSettings {
  const found = /^\/\/ @page (\{.*\})$/m.exec(source);
  return found === null ? {} : (JSON.parse(found[1]) as PageSettings);
}

export interface PageRun {
  results: PageResult[];
  /** Console lines and uncaught errors of the page. */
  messages: string[];
}

/** `nodeModules` is served below /node_modules/, where tfjs finds its own WebAssembly files. */
export async function runPage(
  browser: string,
  bundle: string,
  nodeModules: string,
  settings: PageSettings,
): Promise<PageRun> {
  const messages: string[] = [];
  const server = await serve({ '/': dirname(bundle), '/node_modules/': nodeModules }, settings);
  try {
    const { page, close } = await openPage(browser, server.url, settings.devices, (text) =>
      messages.push(text),
    );
    try {
      await page.addScriptTag({ url: `/${basename(bundle)}` });
      const results = await page.evaluate(() => globalThis.__pageTests?.run());
      return { results: results ?? [], messages };
    } finally {
      await close();
    }
  } finally {
    server.close();
  }
}
