// The one result line of every runner and of all of them together.
export const NOTHING = { passed: 0, failed: 0, skipped: 0 };

export const sum = (results) =>
  results.reduce(
    (total, { passed, failed, skipped }) => ({
      passed: total.passed + passed,
      failed: total.failed + failed,
      skipped: total.skipped + skipped,
    }),
    NOTHING,
  );

export const line = ({ passed, failed, skipped }) =>
  `${passed} passed, ${failed} failed, ${skipped} skipped`;

/** The last such line of a program's output, or undefined. */
export function parseLine(output) {
  const found = [...output.matchAll(/^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?\s*$/gm)].at(
    -1,
  );
  if (found === undefined) return undefined;
  const [, passed, failed, skipped = 0] = found.map(Number);
  return { passed, failed, skipped: Number.isNaN(skipped) ? 0 : skipped };
}
