import { env } from '@tensorflow/tfjs-core';
import type { Device } from './device.js';
import type { Pipeline } from './pipelines.js';

/** One dispatch of ours. */
export interface Dispatch {
  /** Names it in errors and profiles, e.g. 'flashAttention: prefill'. */
  readonly label: string;
  readonly pipeline: Pipeline;
  /** A resource for every binding that the pipeline's shader declares, by the name it has there. */
  readonly bindings: Readonly<Record<string, GPUBufferBinding | undefined>>;
  readonly groups: readonly [x: number, y: number, z: number];
}

/** Records a dispatch in tfjs's own command encoder, between its own: every dispatch of ours goes through here. */
export function dispatch(device: Device, { label, pipeline, bindings, groups }: Dispatch): void {
  const { tfjs, gpu, state } = device;
  const bindGroup = gpu.createBindGroup({
    label,
    layout: pipeline.layout,
    entries: pipeline.bindings.map(({ name }, binding) => {
      const resource = bindings[name];
      if (resource === undefined) throw new Error(`${label}: nothing is bound to '${name}'`);
      return { binding, resource };
    }),
  });
  const timed = tfjs.activeTimers != null;
  const pass = timed ? timedPass(device) : openPass(device);
  // Errors of the device name the debug group that they happened in.
  pass.pushDebugGroup(label);
  pass.setPipeline(pipeline.handle);
  pass.setBindGroup(0, bindGroup);
  pass.dispatchWorkgroups(...groups);
  pass.popDebugGroup();
  state.note(label);
  device.numDispatches++;
  tfjs.dispatchCountInPass++;
  if (timed) {
    tfjs.endComputePassEncoder();
    tfjs.activeTimers?.push({ name: label, query: tfjs.getQueryTime() });
  } else if (env().getNumber('WEBGPU_DEFERRED_SUBMIT_BATCH_SIZE') <= tfjs.dispatchCountInPass) {
    tfjs.endComputePassEncoder();
    tfjs.submitQueue();
  }
}

/** The encoder outside of a pass, for copies. */
export function copyEncoder({ tfjs }: Device): GPUCommandEncoder {
  tfjs.ensureCommandEncoderReady();
  tfjs.endComputePassEncoder();
  const { commandEncoder } = tfjs;
  if (commandEncoder === null) throw new Error('tfjs made no command encoder');
  return commandEncoder;
}

function openPass(device: Device): GPUComputePassEncoder {
  const { tfjs } = device;
  if (tfjs.computePassEncoder === null) {
    tfjs.ensureCommandEncoderReady();
    tfjs.computePassEncoder = tfjs.commandEncoder?.beginComputePass({}) ?? null;
  }
  if (tfjs.computePassEncoder === null) throw new Error('tfjs made no command encoder');
  return tfjs.computePassEncoder;
}

function timedPass(device: Device): GPUComputePassEncoder {
  const { tfjs, gpu } = device;
  if (!tfjs.supportTimestampQuery) {
    tfjs.endComputePassEncoder();
    return openPass(device);
  }
  tfjs.querySet ??= gpu.createQuerySet({ type: 'timestamp', count: tfjs.querySetCount });
  const pass = copyEncoder(device).beginComputePass({
    timestampWrites: {
      querySet: tfjs.querySet,
      beginningOfPassWriteIndex: 0,
      endOfPassWriteIndex: 1,
    },
  });
  tfjs.computePassEncoder = pass;
  return pass;
}
