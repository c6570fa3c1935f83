import os from 'node:os';
import type { ClockName } from './timing.js';

/** Where numbers come from: without it they mean nothing. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly arch: string;
  readonly node: string;
  readonly v8: string;
  /** Threads that everybody may use. */
  readonly threads: number;
  /** What the times are: of the wall clock, or of the process's share of the cores. */
  readonly clock: ClockName;
}

export function thisMachine(clock: ClockName, threads = 1): Machine {
  const cpus = os.cpus();
  return {
    cpu: cpus[0]?.model.trim() ?? 'unknown',
    cores: cpus.length,
    arch: process.arch,
    node: process.versions.node,
    v8: process.versions.v8,
    threads,
    clock,
  };
}

export function machineText(machine: Machine): string {
  const { cpu, cores, arch, node, v8, threads, clock } = machine;
  const load = os.loadavg()[0].toFixed(1);
  return `${cpu}, ${cores} cores, ${arch}; Node ${node} (V8 ${v8}); load ${load}; ${threads} thread${threads === 1 ? '' : 's'}; ${clock} clock`;
}
