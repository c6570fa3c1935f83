import { describeConformance } from '@tfjs-attention/testing';
import { describeWebGpu } from './webgpu_test.js';

await describeWebGpu('SwiftShader', 'stock device', () => {
  describeConformance({ label: 'webgpu', tfBackend: 'webgpu', sample: true });
});
