import { fileURLToPath } from 'node:url';
import { run } from './run.js';

const defaultText = fileURLToPath(new URL('../text/genesis.txt', import.meta.url));
process.exitCode = await run(process.argv.slice(2), defaultText, process);
