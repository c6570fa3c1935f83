import '@tensorflow/tfjs-node';
import './stock_suite.mjs';
