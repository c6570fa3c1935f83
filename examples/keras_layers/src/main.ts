import * as tf from '@tensorflow/tfjs';
import { run } from './run.js';

await tf.setBackend('cpu');
await run('packages/layers/fixtures/models/translator.keras', 80, (line) => console.log(line));
