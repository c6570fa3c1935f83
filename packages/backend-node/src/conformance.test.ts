import './index.js';
import { describeConformance } from '@tfjs-attention/testing';
import { describeTensorFlow } from './tensorflow_test.js';

describeTensorFlow('tfjs-node', () => {
  describeConformance({ label: 'tensorflow', tfBackend: 'tensorflow' });
});
