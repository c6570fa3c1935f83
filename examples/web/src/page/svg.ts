const NAMESPACE = 'http://www.w3.org/2000/svg';

/** An SVG element with its attributes; numbers are rounded to a hundredth of a pixel. */
export function svgElement(
  name: string,
  attributes: Readonly<Record<string, string | number>>,
  text?: string,
): SVGElement {
  const element = document.createElementNS(NAMESPACE, name);
  for (const [key, value] of Object.entries(attributes)) {
    element.setAttribute(key, typeof value === 'number' ? String(round(value)) : value);
  }
  if (text !== undefined) element.textContent = text;
  return element;
}

export const round = (x: number): number => Math.round(x * 100) / 100;
