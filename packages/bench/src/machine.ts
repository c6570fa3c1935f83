import os from 'node:os';
import type { ClockName } from './timing.js';

/** Where numbers come from: without it they mean nothing. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly arch: string;
  readonly node: string;
  readonly v8: string;
  /** What the times are: of the wall clock, or of the process's share of the cores. */
  readonly clock: ClockName;
}

export function thisMachine(clock: ClockName): Machine {
  const cpus = os.cpus();
  return {
    cpu: cpus[0]?.model.trim() ?? 'unknown',
    cores: cpus.length,
    arch: process.arch,
    node: process.versions.node,
    v8: process.versions.v8,
    clock,
  };
}

export function machineText({ cpu, cores, arch, node, v8, clock }: Machine): string {
  const load = os.loadavg()[0].toFixed(1);
  return `${cpu}, ${cores} cores, ${arch}; Node ${node} (V8 ${v8}); load ${load}; ${clock} clock`;
}
