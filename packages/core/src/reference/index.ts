export { referenceAttention, referenceRow } from './attention.js';
export type { ReferenceInputs, ReferenceResult } from './attention.js';
export { referenceBackward, type OperandGradients, type ReferenceGradients } from './backward.js';
export { FEATURES, type FeatureRow } from './features.js';
export { rowsByHead, type HeadRows } from './head_rows.js';
export { maskRules, mayAttend, type MaskRules } from './mask.js';
export type { Round } from './score.js';
export { describeDense } from '../problem/dense.js';
export { describePaged } from '../problem/paged.js';
