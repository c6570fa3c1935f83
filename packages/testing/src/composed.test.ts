import '@tensorflow/tfjs-backend-cpu';
import { describeConformance } from './index.js';

describeConformance({
  label: 'composed ops on cpu',
  tfBackend: 'cpu',
  implementation: 'COMPOSED',
});
