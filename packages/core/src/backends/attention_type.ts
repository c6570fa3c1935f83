/**
 * Which keys a layer attends to (vLLM `AttentionType`): plain strings.
 *
 * | | keys | cache | mask |
 * |---|---|---|---|
 * | DECODER | the layer's own | paged | causal |
 * | ENCODER | the encoder's own, in a model that also decodes | none | both ways |
 * | ENCODER_ONLY | the layer's own, in a model that only encodes | none | both ways |
 * | ENCODER_DECODER | the encoder's output | paged, written once | none |
 */
export const AttentionType = {
  DECODER: 'decoder',
  ENCODER: 'encoder',
  ENCODER_ONLY: 'encoder_only',
  ENCODER_DECODER: 'encoder_decoder',
} as const;
export type AttentionType = (typeof AttentionType)[keyof typeof AttentionType];

export const ATTENTION_TYPES: readonly AttentionType[] = Object.values(AttentionType);

/** Whether a type attends to the keys of its own call and keeps none (ENCODER, ENCODER_ONLY). */
export function isCacheless(attnType: AttentionType): boolean {
  return attnType === AttentionType.ENCODER || attnType === AttentionType.ENCODER_ONLY;
}
