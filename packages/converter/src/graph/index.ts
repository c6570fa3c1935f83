export { fuseArtifacts, fuseAttention, type FusedModelHandler, type FuseOptions } from './load/fuse_attention.js'; // prettier-ignore
export type { ModelSource, WholeArtifacts } from './load/source.js';
export type { VerifyOptions } from './load/verify.js';
export type { Preference } from './program/program.js';
export { formatReport, type FusedAttention, type FusionReport, type SkippedSoftmax } from './rewrite/report.js'; // prettier-ignore
export { registerFusedAttention } from './runtime/register.js';
