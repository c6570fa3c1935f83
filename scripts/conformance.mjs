// `npm run conformance -- --backend NAME FILE...`: set-up where it is missing, then outside test data.
import { launch } from './lib/launch.mjs';

await launch('packages/testing/dist/conformance.js');
