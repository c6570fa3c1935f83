import type { SpecGroup } from './subject.js';

/** Groups of up to this many specs are run whole. */
const SMALL = 4;

/** Two thirds of the square root of every group's specs, evenly spread: about 150, for devices that are slow. */
export function sampleGroups(groups: readonly SpecGroup[]): SpecGroup[] {
  return groups.map(({ name, specs }) => {
    const wanted =
      specs.length <= SMALL ? specs.length : Math.ceil((2 / 3) * Math.sqrt(specs.length));
    const step = specs.length / wanted;
    return { name, specs: Array.from({ length: wanted }, (_, i) => specs[Math.floor(i * step)]) };
  });
}
