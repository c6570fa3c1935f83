// Copies the sources into the package that is about to be packed.
import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { checkout, copy, nativeSources } from './native_sources.mjs';

rmSync(copy, { recursive: true, force: true });
for (const file of nativeSources(checkout)) cpSync(join(checkout, file), join(copy, file));
