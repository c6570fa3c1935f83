import * as tf from '@tensorflow/tfjs';
import '@tfjs-attention/backend-cpu';
import { run } from './run.js';

await tf.setBackend('cpu');
await run(48, (line) => console.log(line));
