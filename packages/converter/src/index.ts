export * from './graph/index.js';
export * from './keras/index.js';
