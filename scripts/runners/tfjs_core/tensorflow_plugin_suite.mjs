import '@tensorflow/tfjs-node';
import { registerTensorFlowBackend } from '@tfjs-attention/backend-node';
import './plugin_suite.mjs';

const name = process.env.TFJS_CORE_SUITE_BACKEND;
if (name === 'tensorflowattn') registerTensorFlowBackend({ name });
