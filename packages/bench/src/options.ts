import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { BACKENDS, DEFAULT_BACKENDS, type Backend } from './contenders/ours.js';
import type { WasmFlavour } from './contenders/contender.js';
import { defaultPeers, PEERS, type PeerName } from './contenders/peers.js';
import { resultsFolder } from './places.js';
import type { ClockName } from './timing.js';

export interface BenchOptions {
  readonly backends: readonly Backend[];
  readonly peers: readonly PeerName[];
  readonly filter: string;
  readonly wasm?: WasmFlavour;
  /** Of our kernels and of every peer that has them. */
  readonly threads: number;
  readonly quick: boolean;
  readonly clock: ClockName;
  readonly json?: string;
  readonly svg: string;
}

interface Parsed {
  backend?: Backend[];
  peer?: (PeerName | 'none')[];
  filter: string;
  wasm?: WasmFlavour;
  threads: number;
  quick?: boolean;
  clock: ClockName;
  json?: string;
  svg?: string;
}

/** Reads the command line; prints help or the mistake and ends the process where there is one. */
export function readOptions(argv: readonly string[]): BenchOptions {
  const program = new Command('npm run bench --')
    .description('Verifies our attention kernels and their peers, then times them side by side.')
    .option(
      '--backend <name>',
      `tfjs backend of our kernels: ${BACKENDS.join(', ')}; repeatable (default ${DEFAULT_BACKENDS.join(', ')})`,
      oneOf(BACKENDS),
    )
    .option(
      '--peer <name>',
      `${PEERS.join(', ')}, or none; repeatable (default those of the same kind)`,
      oneOf([...PEERS, 'none'] as const),
    )
    .option(
      '--filter <text>',
      "only cells whose name contains it, e.g. 'decode' or 'S=1024 8x64'",
      '',
    )
    .addOption(
      new Option('--wasm <module>', 'WebAssembly module (default both)').choices([
        'simd',
        'relaxed',
      ]),
    )
    .option('--threads <n>', 'threads of everybody', count, 1)
    .option('--quick', 'a sample of the grid, within a minute')
    .addOption(
      new Option('--clock <clock>', 'cpu = time that this process had a core, for busy machines')
        .choices(['wall', 'cpu'])
        .default('wall'),
    )
    .option('--json <file>', 'write one row a cell')
    .option('--svg <file>', 'the plot (default packages/bench/results/bench.svg)')
    .allowExcessArguments(false)
    .parse([...argv], { from: 'user' });
  const { backend, peer, filter, wasm, threads, quick, clock, json, svg } = program.opts<Parsed>();
  const backends = backend ?? DEFAULT_BACKENDS;
  return {
    backends,
    peers: peer?.filter((name) => name !== 'none') ?? defaultPeers(backends[0] === 'tensorflow'),
    filter,
    wasm,
    threads,
    quick: quick ?? false,
    clock,
    json,
    svg: svg ?? join(resultsFolder(), 'bench.svg'),
  };
}

/** A number of threads. */
function count(value: string): number {
  const number = Number(value);
  if (!Number.isInteger(number) || number < 1) throw new InvalidArgumentError('It is no count.');
  return number;
}

/** A repeatable option whose values come from a list. */
function oneOf<Name extends string>(names: readonly Name[]) {
  return (value: string, before: Name[] | undefined): Name[] => {
    const found = names.find((name) => name === value);
    if (found === undefined)
      throw new InvalidArgumentError(`Allowed choices are ${names.join(', ')}.`);
    return [...(before ?? []), found];
  };
}
