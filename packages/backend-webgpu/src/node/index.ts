// For Node: WebGPU through Dawn, tfjs's backend over it, and our kernels attached.
import './install.js';
import { registerStock } from './stock.js';

registerStock();

export { installDawn, type DawnOptions } from './dawn.js';
export * from '../index.js';
