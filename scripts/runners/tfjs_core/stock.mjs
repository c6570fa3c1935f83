// The suite on a stock tfjs backend, named by TFJS_CORE_SUITE_BACKEND.
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import '@tensorflow/tfjs-backend-cpu';
import { setTestEnvs } from '@tensorflow/tfjs-core/dist/jasmine_util';
import '@tensorflow/tfjs-core/dist/public/chained_ops/register_all_chained_ops';
import '@tensorflow/tfjs-core/dist/register_all_gradients';

setWasmPaths(process.env.TFJS_CORE_SUITE_WASM);
const backendName = process.env.TFJS_CORE_SUITE_BACKEND;
setTestEnvs([{ name: 'suite', backendName, isDataSync: true }]);
