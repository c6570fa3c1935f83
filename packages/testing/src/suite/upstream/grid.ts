/** What a parameter of a grid may be. */
type Value = string | number | boolean | undefined | readonly number[];

/** The values that each parameter of a grid takes. */
export type Axes = Readonly<Record<string, readonly Value[]>>;

/** One value of each parameter. */
export type Point<A extends Axes> = { readonly [name in keyof A]: A[name][number] };

/** A value's place: the axis and the index on it. */
type Place = readonly [axis: number, index: number];

const keyOf = ([axisA, indexA]: Place, [axisB, indexB]: Place) =>
  axisA < axisB ? `${axisA}.${indexA} ${axisB}.${indexB}` : `${axisB}.${indexB} ${axisA}.${indexA}`;

/**
 * Few points of a grid among which every two values of different parameters meet at least once: one is made of a pair
 * that is still missing and of the values that add most missing pairs to it.
 */
export function pairwise<const A extends Axes>(axes: A): Point<A>[] {
  const names = Object.keys(axes);
  const places = names.map((name, axis) => axes[name].map((_, index): Place => [axis, index]));
  const missing = new Map<string, readonly [Place, Place]>();
  places.forEach((here, axis) => {
    for (const there of places.slice(axis + 1)) {
      for (const a of here) for (const b of there) missing.set(keyOf(a, b), [a, b]);
    }
  });
  const points: Point<A>[] = [];
  for (let next = first(missing); next !== undefined; next = first(missing)) {
    const chosen: Place[] = [...next];
    places.forEach((candidates, axis) => {
      if (chosen.some(([taken]) => taken === axis)) return;
      const gain = (place: Place) => chosen.filter((other) => missing.has(keyOf(place, other)));
      // Ties go round the values, so that no value is in every point.
      const turned = candidates.map((_, i) => candidates[(i + points.length) % candidates.length]);
      chosen.push(turned.reduce((a, b) => (gain(b).length > gain(a).length ? b : a)));
    });
    for (const a of chosen) for (const b of chosen) if (a !== b) missing.delete(keyOf(a, b));
    const values = chosen.map(([axis, index]) => [names[axis], axes[names[axis]][index]]);
    points.push(Object.fromEntries(values) as Point<A>);
  }
  return points;
}

const first = <T>(map: ReadonlyMap<unknown, T>): T | undefined => map.values().next().value;

/** `upstream TEST: what, name value, ...`, in the order of the parameters. */
export function titleOf(test: string, what: string, axes: Axes, point: Point<Axes>): string {
  const parts = Object.keys(axes).map((name) => {
    const value = point[name];
    const text = typeof value === 'object' ? value.join('/') : String(value ?? 'none');
    return `${name} ${text}`;
  });
  return `upstream ${test}: ${[what, ...parts].filter(Boolean).join(', ')}`;
}
