// Runs one bundled browser test file in a page of its own.
import { dirname, basename, join } from 'node:path';
import { openPage, type Device } from './chromium.js';
import { visitInFirefox } from './firefox.js';
import type { PageResult } from './page_test.js';
import { serve, type PageOptions, type ServerOptions, type StaticServer } from './server.js';
import type { Venue } from './venues.js';

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

/** `nodeModules` is served below /node_modules/, where tfjs finds its own WebAssembly files, and test data below /fixtures/. */
export async function runPage(
  browser: string,
  bundle: string,
  nodeModules: string,
  settings: PageSettings,
  venue: Venue,
): Promise<PageRun> {
  const mounts = {
    '/': dirname(bundle),
    '/node_modules/': nodeModules,
    '/fixtures/': join(nodeModules, '../packages/testing/fixtures'),
  };
  const script = `/${basename(bundle)}`;
  const open = (options: Partial<ServerOptions> = {}) => serve(mounts, { ...settings, ...options });
  switch (venue.kind) {
    case 'chromium':
      return runInChromium(browser, await open(), script, venue);
    case 'firefox':
      return runInFirefox(open, script, venue);
    default:
      return venue satisfies never;
  }
}

async function runInChromium(
  browser: string,
  server: StaticServer,
  script: string,
  { devices, place }: Extract<Venue, { kind: 'chromium' }>,
): Promise<PageRun> {
  const messages: string[] = [];
  try {
    const { page, close } = await openPage(browser, server.url, devices, (text) =>
      messages.push(text),
    );
    try {
      if (place === 'worker')
        return { results: await page.evaluate(runInWorker, script), messages };
      await page.addScriptTag({ url: script });
      const results = await page.evaluate(() => globalThis.__pageTests?.run());
      return { results: results ?? [], messages };
    } finally {
      await close();
    }
  } finally {
    server.close();
  }
}

/** In the page: a Worker runs the same script; WebGL there draws on an OffscreenCanvas. */
function runInWorker(script: string): Promise<PageResult[]> {
  const worker = new Worker(script);
  return new Promise<PageResult[]>((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data as PageResult[]);
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.postMessage('run');
  }).finally(() => worker.terminate());
}

/** The page runs itself and sends its results. */
async function runInFirefox(
  open: (options: Partial<ServerOptions>) => Promise<StaticServer>,
  script: string,
  { firefox }: Extract<Venue, { kind: 'firefox' }>,
): Promise<PageRun> {
  const report =
    'Promise.resolve(globalThis.__pageTests?.run() ?? [])' +
    ".then((results) => fetch('/', { method: 'POST', body: JSON.stringify(results) }))";
  const page = `<!doctype html><script src="${script}"></script><script>${report}</script>`;
  let receive: (body: string) => void = () => undefined;
  const reported = new Promise<string>((resolve) => (receive = resolve));
  const server = await open({ pages: { '/report.html': page }, onPost: receive });
  try {
    const body = await visitInFirefox(firefox, `${server.url}/report.html`, reported);
    return { results: JSON.parse(body) as PageResult[], messages: [] };
  } finally {
    server.close();
  }
}
