// `npm run build`: everything that the packages ship, if it is missing or old.
import { main } from './lib/main.mjs';
import { setUp } from './lib/setup.mjs';

await main(setUp);
