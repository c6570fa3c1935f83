import type { ScoreFeatures } from './score_features.js';

/** One setting of each feature, small enough that every one of them shows within 40 keys. */
export const SINGLE_FEATURES: Readonly<Record<string, ScoreFeatures>> = {
  causal: { causal: true },
  'sliding window': { slidingWindow: 6 },
  'window left': { windowLeft: 9 },
  'window right': { windowRight: 2 },
  'soft cap': { logitsSoftCap: 1.5 },
  scale: { softmaxScale: 0.7 },
  bias: { bias: 'NTS' },
  mask: { mask: '1TS' },
  alibi: { alibi: true },
  sinks: { sinks: true },
  'tree bias': { qqBias: 4 },
  chunks: { chunkSize: 8, chunkLookback: 1 },
  'prefixes beside the window': { windowLeft: 3, rswaPrefixLens: [5, 17, 0] },
  ranges: {
    mmPrefixRanges: [
      [[3, 8], [50, 60], [66, 69]],
      [[0, 4], [17, 40]],
      [[0, 12], [14, 17]],
    ], // prettier-ignore
  },
};

/** What only packed batches have. */
export const PACKED_FEATURES: Readonly<Record<string, ScoreFeatures>> = {
  'causal in some sequences': { causalSeqs: [false, true, false] },
};

export interface FeaturePair {
  readonly name: string;
  readonly features: ScoreFeatures;
}

/** Every feature alone, every two together where the two do not exclude one another, and all at once. */
export function featurePairs(more: Readonly<Record<string, ScoreFeatures>> = {}): FeaturePair[] {
  const every = { ...SINGLE_FEATURES, ...more };
  const singles = Object.entries(every);
  const pairs = singles.flatMap(([name, features], i) => [
    { name, features },
    ...singles
      .slice(i + 1)
      .filter(([, other]) => !exclude(features, other))
      .map(([otherName, other]) => ({
        name: `${name} + ${otherName}`,
        features: { ...features, ...other },
      })),
  ]);
  const { 'sliding window': _, ...rest } = every;
  const all = Object.values(rest).reduce((sum, features) => ({ ...sum, ...features }), {});
  return [{ name: 'no feature', features: {} }, ...pairs, { name: 'all features', features: all }];
}

/** slidingWindow excludes windowLeft and windowRight, and two of a name would hide one another. */
function exclude(a: ScoreFeatures, b: ScoreFeatures): boolean {
  const slides = a.slidingWindow !== undefined || b.slidingWindow !== undefined;
  const sides = [a, b].some((x) => x.windowLeft !== undefined || x.windowRight !== undefined);
  return (slides && sides) || Object.keys(a).some((name) => name in b);
}
