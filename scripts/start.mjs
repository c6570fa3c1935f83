// `npm start -- [options]`: set-up where it is missing, then the text generator of examples/generate.
import { launch } from './lib/launch.mjs';

await launch('examples/generate/dist/main.js');
