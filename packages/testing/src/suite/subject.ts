import * as tf from '@tensorflow/tfjs-core';

/** What is judged: one implementation on one tfjs backend. */
export interface Subject {
  /** Names the subject in test titles, e.g. 'wasm, relaxed SIMD'. */
  readonly label: string;
  /** What `tf.setBackend` takes. */
  readonly tfBackend: string;
  /** Default 'FUSED': the kernels, or an error. 'COMPOSED' judges the stock ops instead. */
  readonly implementation?: 'FUSED' | 'COMPOSED';
  /** Runs once before `tf.setBackend`, e.g. to register the backend or to pick a module. */
  readonly setUp?: () => void | Promise<void>;
  /** Runs once after the last test. */
  readonly tearDown?: () => void | Promise<void>;
  /** Default false: pairs of features in one layout and dtype. True crosses them with all of both. */
  readonly full?: boolean;
  /** Default 1: every case of vLLM's grids. n takes every nth, where a case lasts seconds. */
  readonly gridStep?: number;
  /** Default false. True: a sample of every group, for devices that are slow. */
  readonly sample?: boolean;
}

/** One test: fails by throwing. */
export interface Spec {
  readonly name: string;
  /** True: says nothing of composed ops. */
  readonly fusedOnly?: boolean;
  readonly run: (subject: Subject) => void | Promise<void>;
}

/** Specs under one heading. */
export interface SpecGroup {
  readonly name: string;
  readonly specs: readonly Spec[];
}

/** The implementation option that makes ops run the subject and nothing else. */
export function implementationOf({ implementation }: Subject): 'FUSED' | 'COMPOSED' {
  return implementation ?? 'FUSED';
}

export async function bringUp(subject: Subject): Promise<void> {
  tf.env().set('IS_TEST', true);
  await subject.setUp?.();
  if (!(await tf.setBackend(subject.tfBackend))) {
    throw new Error(`tf.setBackend('${subject.tfBackend}') failed for ${subject.label}`);
  }
}
