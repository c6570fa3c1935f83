import './stock.mjs';
import '@tensorflow/tfjs-core/dist/tests';
