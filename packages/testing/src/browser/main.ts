// Program: `browser_tests BROWSER NODE_MODULES BUNDLE=SOURCE...` runs each bundle and closes with the result line.
import { readFileSync } from 'node:fs';
import { runPage, settingsOf } from './run_page.js';

const [browser, nodeModules, ...files] = process.argv.slice(2);
if (browser === undefined || nodeModules === undefined || files.length === 0) {
  throw new Error('usage: BROWSER NODE_MODULES BUNDLE=SOURCE...');
}

let passed = 0;
let failed = 0;
for (const file of files) {
  const [bundle, source] = file.split('=') as [string, string];
  const run = await runPage(browser, bundle, nodeModules, settingsOf(readFileSync(source, 'utf8')));
  const wrong = run.results.filter(({ error }) => error !== undefined);
  passed += run.results.length - wrong.length;
  failed += run.results.length === 0 ? 1 : wrong.length;
  console.log(`${run.results.length - wrong.length}/${run.results.length} ${source}`);
  for (const { name, error } of wrong) console.log(`  failed: ${name}\n    ${error}`);
  if (run.results.length === 0) console.log('  failed: the page declared no test');
  if (wrong.length > 0 || run.results.length === 0) {
    for (const message of run.messages) console.log(`  page: ${message}`);
  }
}
console.log(`${passed} passed, ${failed} failed, 0 skipped`);
process.exitCode = failed > 0 ? 1 : 0;
