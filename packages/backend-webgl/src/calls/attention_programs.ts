import { specKey, type AttentionSpec } from '@tfjs-attention/core/provider';
import type { Device } from '../device/device.js';
import type { Program } from '../device/program.js';
import { COVER } from './programs.js';
import { tileShape, type TileShape } from '../shaders/tile_shape.js';
import { attentionShader, type AttentionStage } from '../shaders/variant.js';

/** The programs of a spec, each linked when it is first asked for. */
export class AttentionPrograms {
  readonly shape: TileShape;
  private readonly programs = new Map<AttentionStage, Program>();

  constructor(
    private readonly device: Device,
    private readonly spec: AttentionSpec,
    tiled: boolean,
  ) {
    this.shape = tileShape(spec, device.limits.drawBuffers, tiled);
  }

  get(stage: AttentionStage): Program {
    let program = this.programs.get(stage);
    if (program === undefined) {
      const text = attentionShader(stage, this.spec, this.shape);
      program = this.device.program(`${stage} ${specKey(this.spec)}`, COVER, text);
      this.programs.set(stage, program);
    }
    return program;
  }
}

const known = new WeakMap<Device, Map<string, AttentionPrograms>>();

export function attentionPrograms(
  device: Device,
  spec: AttentionSpec,
  tiled: boolean,
): AttentionPrograms {
  let ofDevice: Map<string, AttentionPrograms> | undefined = known.get(device);
  if (ofDevice === undefined) {
    ofDevice = new Map();
    known.set(device, ofDevice);
  }
  const key = `${specKey(spec)} ${tiled}`;
  let found = ofDevice.get(key);
  if (found === undefined) {
    found = new AttentionPrograms(device, spec, tiled);
    ofDevice.set(key, found);
  }
  return found;
}
