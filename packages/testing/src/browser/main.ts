// Program: `browser_tests BROWSER NODE_MODULES BUNDLE=SOURCE...` runs each bundle and closes with the result line.
import { readFileSync } from 'node:fs';
import { runPage, settingsOf } from './run_page.js';
import { plainVenue, webGlVenues, type Venue } from './venues.js';

const [browser, nodeModules, ...files] = process.argv.slice(2);
if (browser === undefined || nodeModules === undefined || files.length === 0) {
  throw new Error('usage: BROWSER NODE_MODULES BUNDLE=SOURCE...');
}

/** Runs only the venues whose name contains it. */
const only = process.env.VENUE ?? '';
const webGl = await webGlVenues(browser);
let passed = 0;
let failed = 0;
let skipped = 0;
for (const file of files) {
  const [bundle, source] = file.split('=') as [string, string];
  const settings = settingsOf(readFileSync(source, 'utf8'));
  const usesWebGl = settings.devices?.includes('webgl') === true;
  const venues: readonly Venue[] = usesWebGl ? webGl.open : [plainVenue(settings.devices)];
  for (const venue of venues.filter(({ name }) => name.includes(only))) {
    const start = performance.now();
    const run = await runPage(browser, bundle, nodeModules, settings, venue);
    const wrong = run.results.filter(({ error }) => error !== undefined);
    const right = run.results.length - wrong.length;
    passed += right;
    failed += run.results.length === 0 ? 1 : wrong.length;
    const seconds = ((performance.now() - start) / 1000).toFixed(0);
    console.log(`${right}/${run.results.length} ${source} (${venue.name}, ${seconds} s)`);
    for (const { name, error } of wrong) console.log(`  failed: ${name}\n    ${error}`);
    if (run.results.length === 0) console.log('  failed: the page declared no test');
    if (wrong.length > 0 || run.results.length === 0) {
      for (const message of run.messages) console.log(`  page: ${message}`);
    }
  }
  for (const { name, reason } of usesWebGl ? webGl.absent : []) {
    skipped++;
    console.log(`skipped: ${source} (${name}): ${reason}`);
  }
}
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exitCode = failed > 0 ? 1 : 0;
