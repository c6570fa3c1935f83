// `npm test`: set-up where it is missing, then every runner; the last line sums them all.
import { sayWhatIsAbsent } from './lib/optional.mjs';
import { setUp } from './lib/setup.mjs';
import { line, sum } from './lib/totals.mjs';
import { setUpWebGpuDrivers } from './lib/webgpu/drivers.mjs';

await setUp({ tensorflow: 'wanted' });
await setUpWebGpuDrivers();
sayWhatIsAbsent();

const RUNNERS = ['jest', 'fuzz', 'tfjs_core', 'browser', 'web'];
const results = [];
for (const name of RUNNERS) {
  process.stdout.write(`\n== ${name}\n`);
  const { runTests } = await import(`./runners/${name}.mjs`);
  const result = await runTests().catch((error) => ({
    passed: 0,
    failed: 1,
    skipped: 0,
    notes: [String(error.stack ?? error)],
  }));
  results.push({ name, ...result });
}

process.stdout.write('\n');
for (const { name, notes = [], ...result } of results) {
  process.stdout.write(`${name}: ${line(result)}\n`);
  for (const note of notes) process.stdout.write(`  ${note}\n`);
}
const total = sum(results);
const inCi = process.env.CI === 'true';
if (inCi && total.skipped > 0)
  process.stdout.write('CI=true: a skipped test counts as a failure.\n');
process.stdout.write(`${line(total)}\n`);
process.exitCode = total.failed > 0 || total.passed === 0 || (inCi && total.skipped > 0) ? 1 : 0;
