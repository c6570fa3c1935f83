import { specKey, type AttentionSpec } from '@tfjs-attention/core/provider';
import type { Device } from '../../device/device.js';
import type { Program } from '../../device/program.js';
import {
  backwardPackShader,
  backwardShader,
  backwardShape,
  type BackwardPack,
  type BackwardShape,
  type BackwardStage,
} from '../../shaders/backward_variant.js';
import { COVER } from '../programs.js';

/** The programs of a spec's backward pass, each linked when it is first asked for. */
export class BackwardPrograms {
  readonly shape: BackwardShape;
  private readonly programs = new Map<string, Program>();

  constructor(
    private readonly device: Device,
    private readonly spec: AttentionSpec,
  ) {
    this.shape = backwardShape(spec, device.limits.drawBuffers);
  }

  get(stage: BackwardStage): Program {
    return this.named(stage, () => backwardShader(stage, this.spec, this.shape));
  }

  pack(pack: BackwardPack): Program {
    return this.named(`pack ${pack}`, () => backwardPackShader(pack, this.spec, this.shape));
  }

  private named(name: string, text: () => string): Program {
    let program = this.programs.get(name);
    if (program === undefined) {
      program = this.device.program(`backward ${name} ${specKey(this.spec)}`, COVER, text());
      this.programs.set(name, program);
    }
    return program;
  }
}

const known = new WeakMap<Device, Map<string, BackwardPrograms>>();

export function backwardPrograms(device: Device, spec: AttentionSpec): BackwardPrograms {
  let ofDevice = known.get(device);
  if (ofDevice === undefined) {
    ofDevice = new Map<string, BackwardPrograms>();
    known.set(device, ofDevice);
  }
  const key = specKey(spec);
  let found = ofDevice.get(key);
  if (found === undefined) {
    found = new BackwardPrograms(device, spec);
    ofDevice.set(key, found);
  }
  return found;
}
