// `npm run train -- [options]`: set-up where it is missing, then the trainer of examples/train.
import { launch } from './lib/launch.mjs';

await launch('examples/train/dist/main.js');
