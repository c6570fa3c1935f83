export { kerasModel, type KerasModelHandler, type KerasModelOptions } from './keras_model.js';
export type { KerasModelSource } from './source/read.js';
