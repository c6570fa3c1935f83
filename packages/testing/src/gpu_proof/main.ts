// Program: proves the ops on a GPU inside tfjs-node-gpu, and closes with `N passed, N failed`.
//
// `node scripts/run_ts.mjs packages/testing/src/gpu_proof/main.ts [device|race|decode|overhead|suite]...`
// TF_FORCE_GPU_ALLOW_GROWTH=true lets `decode` see memory grow; NVIDIA_TF32_OVERRIDE=0 lets stock products of `suite` be
// float32.
import { spawnSync } from 'node:child_process';
import { decode } from './decode.js';
import { device } from './device.js';
import { bringUpGpu, type Finding } from './gpu.js';
import { overhead } from './overhead.js';
import { race } from './race.js';
import { suite } from './suite.js';

const PROOFS = { device, race: raceInEveryStream, decode, overhead, suite: wholeSuite };
type Name = keyof typeof PROOFS;

/** TFJS_ATTENTION_CUDA_STREAM of a process is for good, so each value has one of its own. */
function* raceInEveryStream(): Generator<Finding> {
  for (const stream of ['tensorflow', 'own', 'legacy'] as const) {
    const { stdout, stderr } = spawnSync(process.execPath, [process.argv[1], '--race'], {
      env: { ...process.env, TFJS_ATTENTION_CUDA_STREAM: stream },
      encoding: 'utf8',
    });
    const found = /(\d+) of (\d+) rounds/.exec(stdout);
    const wrong = found === null ? NaN : Number(found[1]);
    const text = found === null ? stderr.slice(-800) : stdout.trim();
    yield {
      text: `stream ${stream}: ${text}`,
      // A race that cannot be lost proves nothing.
      holds: stream === 'legacy' ? wrong > 0 : wrong === 0,
    };
  }
}

async function* wholeSuite(): AsyncGenerator<Finding> {
  const failures: string[] = [];
  const { passed, refused, failed } = await suite((text) => failures.push(text));
  yield* failures.map((text) => ({ text, holds: false }));
  yield {
    text: `shared suite: ${passed} passed, ${refused} refused by name, ${failed} failed`,
    holds: failed === 0,
  };
}

const asked = process.argv.slice(2);
if (asked[0] === '--race') {
  await bringUpGpu();
  const { wrong, rounds, queuedMs } = race();
  process.stdout.write(
    `${wrong} of ${rounds} rounds gave other bits, with ${queuedMs.toFixed(1)} ms of work ahead\n`,
  );
} else {
  await prove(asked.length > 0 ? (asked as Name[]) : (Object.keys(PROOFS) as Name[]));
}

async function prove(names: readonly Name[]): Promise<void> {
  let [passed, failed] = [0, 0];
  const say = ({ text, holds }: Finding, name: string) => {
    if (holds) passed++;
    else failed++;
    process.stdout.write(`${holds ? 'ok  ' : 'FAIL'} ${name}: ${text}\n`);
  };
  for (const name of names) {
    if (!(name in PROOFS))
      throw new Error(`no proof '${name}'; there are ${Object.keys(PROOFS).join(', ')}`);
    // Its processes would find TensorFlow's first one in all of the memory.
    if (name !== 'race') await bringUpGpu();
    try {
      for await (const finding of PROOFS[name]()) say(finding, name);
    } catch (error) {
      say({ text: String(error), holds: false }, name);
    }
  }
  process.stdout.write(`${passed} passed, ${failed} failed\n`);
  process.exitCode = failed === 0 ? 0 : 1;
}
