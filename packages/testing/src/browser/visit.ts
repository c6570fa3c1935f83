// Program: `visit BROWSER FOLDER PATH` opens one page of FOLDER, waits until it sets `globalThis.finished`, and prints
// what it printed. An uncaught error of the page, or 60 seconds without an end, is a failure.
import { openPage } from './chromium.js';
import { serve } from './server.js';

const [browser, folder, path] = process.argv.slice(2);
if (browser === undefined || folder === undefined || path === undefined) {
  throw new Error('usage: BROWSER FOLDER PATH');
}

const server = await serve({ '/': folder });
const { page, close } = await openPage(browser, server.url, [], (text) => console.log(text));
try {
  const failed = new Promise<never>((_, reject) => page.on('pageerror', reject));
  await page.goto(server.url + path);
  await Promise.race([
    failed,
    page.waitForFunction('globalThis.finished === true', null, { timeout: 60_000 }),
  ]);
} catch (error) {
  console.error(String(error));
  process.exitCode = 1;
} finally {
  await close();
  server.close();
}
