// The same with our kernels attached, and their names for the derived backends taken.
import { ready } from '@tfjs-attention/core';
import { registerCpuBackend, registerWasmBackend } from '@tfjs-attention/backend-cpu';
import './stock.mjs';
import '@tensorflow/tfjs-core/dist/tests';

const name = process.env.TFJS_CORE_SUITE_BACKEND;
if (name === 'cpuattn') registerCpuBackend({ name });
if (name === 'wasmattn') registerWasmBackend({ name });

beforeAll(() => ready());
