// Child process: runs one bundled suite under jasmine and writes `{ passed: [name], failed: { name: message } }`.
import { writeFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import Jasmine from 'jasmine';

const [bundle, report] = process.argv.slice(2);
const passed = [];
const failed = {};
const seen = new Map();

/** Some specs share their full name. */
function unique(fullName) {
  const count = (seen.get(fullName) ?? 0) + 1;
  seen.set(fullName, count);
  return count === 1 ? fullName : `${fullName} (${count})`;
}

const jasmine = new Jasmine({ projectBaseDir: dirname(bundle) });
jasmine.exitOnCompletion = false;
jasmine.loadConfig({ spec_dir: '.', spec_files: [basename(bundle)], random: false });
jasmine.clearReporters();
jasmine.addReporter({
  specDone({ status, fullName, failedExpectations }) {
    const name = unique(fullName);
    if (status === 'passed') passed.push(name);
    if (status === 'failed') failed[name] = failedExpectations[0]?.message ?? '';
  },
  jasmineDone({ failedExpectations = [] }) {
    for (const { message } of failedExpectations) failed[`outside a spec: ${message}`] = message;
  },
});
await jasmine.execute();
if (passed.length === 0) throw new Error('no spec passed: was the suite dropped from the bundle?');
writeFileSync(report, JSON.stringify({ passed, failed }));
process.exit(0);
