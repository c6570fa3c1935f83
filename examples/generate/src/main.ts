import { fileURLToPath } from 'node:url';
import { run } from './run.js';

// A reader that has seen enough, such as `head`, is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

const defaultModel = fileURLToPath(new URL('../models/tiny-llama', import.meta.url));
process.exitCode = await run(process.argv.slice(2), defaultModel, process);
