import { normals, randomFrom } from '../random.js';

/** Sizes of a latent attention layer, and a batch of whole sequences for it. */
export interface LatentStep {
  readonly name: string;
  readonly numHeads: number;
  readonly qkNopeHeadDim: number;
  readonly qkRopeHeadDim: number;
  readonly vHeadDim: number;
  readonly kvLoraRank: number;
  /** Keys of each sequence, of which the last queryLens[b] are new. */
  readonly seqLens: readonly number[];
  readonly queryLens: readonly number[];
}

/** A step's numbers: queries of the new tokens, latents of all. */
export interface LatentNumbers {
  readonly q: Float32Array;
  readonly kvC: Float32Array;
  readonly kPe: Float32Array;
  /** `[L, N*(P+V)]` */
  readonly weight: Float32Array;
}

export function latentNumbers(step: LatentStep): LatentNumbers {
  const { numHeads, qkNopeHeadDim, qkRopeHeadDim, vHeadDim, kvLoraRank } = step;
  const random = randomFrom(step.name);
  const sum = (lengths: readonly number[]) => lengths.reduce((total, length) => total + length, 0);
  const [tokens, keys] = [sum(step.queryLens), sum(step.seqLens)];
  const width = numHeads * (qkNopeHeadDim + vHeadDim);
  return {
    q: normals(random, tokens * numHeads * (qkNopeHeadDim + qkRopeHeadDim)),
    kvC: normals(random, keys * kvLoraRank),
    kPe: normals(random, keys * qkRopeHeadDim),
    weight: normals(random, kvLoraRank * width).map((x) => x / Math.sqrt(kvLoraRank)),
  };
}

type Round = (x: number) => number;

/**
 * Latent attention said in loops, `[T, N*V]`: expanded makes keys and values of each latent, absorbed moves both
 * projections to the query's side. `round` is applied to every product and sum.
 */
export function latentDefinition(
  step: LatentStep,
  numbers: LatentNumbers,
  round: Round,
  absorbed: boolean,
): Float64Array {
  const { numHeads: N, qkNopeHeadDim: P, qkRopeHeadDim: R, vHeadDim: V, kvLoraRank: L } = step;
  const { q, kvC, kPe, weight } = numbers;
  const width = N * (P + V);
  const dot = (count: number, a: (i: number) => number, b: (i: number) => number) => {
    let sum = 0;
    for (let i = 0; i < count; i++) sum = round(sum + round(a(i) * b(i)));
    return sum;
  };
  const scale = round(1 / Math.sqrt(P + R));
  const tokens = step.queryLens.reduce((sum, length) => sum + length, 0);
  const out = new Float64Array(tokens * N * V);
  let [token, firstKey] = [0, 0];
  step.seqLens.forEach((keys, b) => {
    for (let i = keys - step.queryLens[b]; i < keys; i++, token++) {
      for (let n = 0; n < N; n++) {
        const column = n * (P + V);
        const query = (lane: number) => q[(token * N + n) * (P + R) + lane];
        const latent = (j: number, l: number) => kvC[(firstKey + j) * L + l];
        const up = (p: number, l: number) => weight[l * width + column + p];
        const down = (v: number, l: number) => weight[l * width + column + P + v];
        const moved = Float64Array.from({ length: absorbed ? L : 0 }, (_, l) =>
          dot(P, query, (p) => up(p, l)),
        );
        const score = (j: number) => {
          const nope = absorbed
            ? dot(L, (l) => moved[l], (l) => latent(j, l)) // prettier-ignore
            : dot(P, query, (p) => dot(L, (l) => latent(j, l), (l) => up(p, l))); // prettier-ignore
          const rope = dot(R, (r) => query(P + r), (r) => kPe[(firstKey + j) * R + r]); // prettier-ignore
          return round(round(nope + rope) * scale);
        };
        const scores = Float64Array.from({ length: i + 1 }, (_, j) => score(j));
        const top = scores.reduce((most, s) => Math.max(most, s), -Infinity);
        const weights = scores.map((s) => round(Math.exp(round(s - top))));
        const total = weights.reduce((sum, w) => round(sum + w), 0);
        const weigh = (value: (j: number) => number) =>
          round(dot(i + 1, (j) => weights[j], value) / total);
        const mixed = Float64Array.from({ length: absorbed ? L : 0 }, (_, l) =>
          weigh((j) => latent(j, l)),
        );
        for (let v = 0; v < V; v++) {
          out[(token * N + n) * V + v] = absorbed
            ? dot(L, (l) => mixed[l], (l) => down(v, l)) // prettier-ignore
            : weigh((j) => dot(L, (l) => latent(j, l), (l) => down(v, l))); // prettier-ignore
        }
      }
    }
    firstKey += keys;
  });
  return out;
}
