// What `.ci/run` runs: `npm test`, then every check of scripts/ci. The last line sums them; one check counts as one test.
import { main } from './lib/main.mjs';
import { run } from './lib/run.mjs';
import { line, NOTHING, parseLine, sum } from './lib/totals.mjs';

const CHECKS = [
  'build',
  'generated',
  'cuda',
  'lint',
  'format',
  'types',
  'lockfile',
  'offline',
  'packages',
  'publish',
  'sizes',
  'tree_shaking',
  'installed',
  'page',
  'docs',
];

const say = (text) => process.stdout.write(`${text}\n`);

await main(async () => {
  const chosen = process.argv.slice(2);
  const results = chosen.length === 0 ? [await runTests()] : [];
  for (const name of chosen.length === 0 ? CHECKS : chosen) results.push(await runCheck(name));

  say('');
  for (const { name, seconds, error, ...result } of results) {
    say(`${name}: ${line(result)} (${seconds} s)`);
    if (error !== undefined) say(error.replace(/^/gm, '  '));
  }
  const total = sum(results);
  say(line(total));
  process.exitCode = total.failed > 0 || total.skipped > 0 ? 1 : 0;
});

async function runTests() {
  return timed('npm test', async () => {
    const { output, code } = await run('npm', ['test'], { stdout: 'pipe', echo: true });
    const result = parseLine(output) ?? { ...NOTHING, failed: 1 };
    return code !== 0 && result.failed + result.skipped === 0 ? { ...result, failed: 1 } : result;
  });
}

function runCheck(name) {
  return timed(name, async () => {
    const { check } = await import(`./ci/${name}.mjs`);
    const note = await check();
    if (note) say(`${name}: ${note}`);
    return { ...NOTHING, passed: 1 };
  });
}

async function timed(name, work) {
  say(`\n== ${name}`);
  const start = Date.now();
  const result = await work().catch((error) => ({
    ...NOTHING,
    failed: 1,
    error: error instanceof Error ? error.message : String(error),
  }));
  return { name, seconds: ((Date.now() - start) / 1000).toFixed(0), ...result };
}
