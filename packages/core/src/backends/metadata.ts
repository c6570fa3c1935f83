/** What a step hands every layer. Empty, as in vLLM: each strategy names its own; all of ours extend `AttentionPlan`. */
export abstract class AttentionMetadata {}
