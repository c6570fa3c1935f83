import type { Device } from '../device/device.js';
import { dispatch } from '../device/dispatch.js';
import type { Pipeline } from '../device/pipelines.js';
import { compose, type Constants } from '../shaders/compose.js';
import { FILES } from '../shaders/files.js';
import { packFields, paramsText, type Fields } from '../shaders/params.js';
import { spread, type Call } from './call.js';

/** A kernel outside the attention loop. */
export interface SmallKernel<F extends Fields> {
  readonly file: string;
  readonly fields: F;
  readonly constants?: Constants;
  readonly flags?: readonly string[];
}

/** One of its dispatches. */
export interface SmallDispatch<F extends Fields> {
  readonly values: Readonly<Record<keyof F & string, number>>;
  readonly bindings: Readonly<Record<string, GPUBufferBinding | undefined>>;
  readonly groups: number;
}

export function smallPipeline<F extends Fields>(
  device: Device,
  { file, fields, constants = {}, flags = [] }: SmallKernel<F>,
): Pipeline {
  const name = [file, ...flags, ...Object.values(constants)].join(' ');
  return device.pipelines.get(name, () =>
    compose(`webgpu/${file}.wgsl`, FILES, constants, flags, paramsText(fields)),
  );
}

export function runSmall<F extends Fields>(
  call: Call,
  kernel: SmallKernel<F>,
  { values, bindings, groups }: SmallDispatch<F>,
): void {
  dispatch(call.device, {
    label: `${call.op}: ${kernel.file}`,
    pipeline: smallPipeline(call.device, kernel),
    bindings: { ...bindings, p: call.uniform(packFields(kernel.fields, values)) },
    groups: [...spread(call.device, groups), 1],
  });
}
