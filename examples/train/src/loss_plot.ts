import * as vega from 'vega';
import { compile, type TopLevelSpec } from 'vega-lite';

/** The loss of each step, and its mean over the steps around, as SVG. */
export async function lossSvg(losses: readonly number[]): Promise<string> {
  const { spec } = compile(chart(losses));
  const view = new vega.View(vega.parse(spec), { renderer: 'none' });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
}

function chart(losses: readonly number[]): TopLevelSpec {
  const y = { type: 'quantitative', title: 'loss (nats a byte)', scale: { zero: true } } as const;
  return {
    $schema: 'https://vega.github.io/schema/vega-lite/v6.json',
    width: 640,
    height: 320,
    background: 'white',
    data: { values: losses.map((loss, i) => ({ step: i + 1, loss })) },
    transform: [{ window: [{ op: 'mean', field: 'loss', as: 'mean' }], frame: [-10, 10] }],
    encoding: { x: { field: 'step', type: 'quantitative', title: 'step' } },
    layer: [
      { mark: { type: 'line', color: '#9ecae1' }, encoding: { y: { field: 'loss', ...y } } },
      { mark: { type: 'line', color: '#08519c' }, encoding: { y: { field: 'mean', ...y } } },
    ],
  };
}
