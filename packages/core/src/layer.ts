export * from './attention_layer.js';
/** vLLM's older name. Only here: in the package's index it would take the name of Keras's layer. */
export { MMEncoderAttention as MultiHeadAttention } from './layers/mm_encoder_attention.js';
