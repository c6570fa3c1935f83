// Runs before tfjs-backend-webgpu, which looks for `navigator.gpu` once, when it is imported.
import { installDawn } from './dawn.js';

const { TFJS_ATTENTION_WEBGPU_ADAPTER: adapter } = process.env;

installDawn(adapter === undefined || adapter === '' ? undefined : { adapter });
