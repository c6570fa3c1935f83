// `npm run bench -- [options]`: set-up where it is missing, then the benchmarks.
import { launch } from './lib/launch.mjs';

await launch('packages/bench/dist/bench.js');
