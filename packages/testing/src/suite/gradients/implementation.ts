import type { Implementation } from '@tfjs-attention/core';
import { canTrain } from '@tfjs-attention/core/provider';
import { implementationOf, type Subject } from '../subject.js';

/** What a training step asks for: fused kernels insist where the backend has a backward one, else the choice is free. */
export function trainingImplementation(subject: Subject): Implementation {
  if (implementationOf(subject) === 'COMPOSED') return 'COMPOSED';
  return canTrain(subject.tfBackend) ? 'FUSED' : 'auto';
}
