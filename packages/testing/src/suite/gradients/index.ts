import { canTrain } from '@tfjs-attention/core/provider';
import { implementationOf, type Spec, type SpecGroup, type Subject } from '../subject.js';
import { backwardSpec } from './backward_case.js';
import { broadcastCases, edgeCases, pairCases, poisonCases, shapeCases } from './cases.js';
import { differenceSpecs } from './differences.js';
import { tapeSpecs } from './tape.js';

/** What `tf.grad` gives. Where no kernel computes it, stock ops do, and a few cases are enough for them. */
export function gradientGroup(subject: Subject): SpecGroup {
  const fused = implementationOf(subject) === 'FUSED';
  const specs: Spec[] = [...differenceSpecs, ...tapeSpecs];
  if (!fused || canTrain(subject.tfBackend)) {
    // Stock ops are slow: each pair once, every other one with dropout.
    const pairs = pairCases().filter((_, i) => fused || i % 2 === (i >> 1) % 2);
    const cases = [...shapeCases(), ...pairs, ...broadcastCases(), ...edgeCases()];
    specs.push(...cases.map(backwardSpec));
  }
  if (fused && canTrain(subject.tfBackend)) specs.push(...poisonCases().map(backwardSpec));
  return { name: 'gradients', specs };
}
