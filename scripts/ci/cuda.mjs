import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { cudaToolkit } from '../lib/cuda_toolkit.mjs';
import { root } from '../lib/root.mjs';
import { mustRun } from '../lib/run.mjs';

const OUT = join(root, 'kernels/dist/cuda');

/** Instructions that each kernel of an object must hold on each architecture: what its speed comes from. */
const INTENDED = [
  { object: /^hopper_\w+\.cu\.o$/, kernel: /hopper_attention/, needs: ['HGMMA', 'UTMALDG', 'SYNCS'] },
  { object: /^decode_\w+\.cu\.o$/, kernel: /decode_attention/, needs: ['HMMA', 'LDSM', 'LDGSTS'] },
  { object: /^mma_\w+\.cu\.o$/, kernel: /mma_attention/, needs: ['HMMA', 'LDSM', 'LDGSTS'] },
]; // prettier-ignore

/** The older target of the portable kernels: their code for 9.0 differs in nothing that is looked for here. */
const PORTABLE = '-gencode arch=compute_80,code=sm_80';

/**
 * Debts: kernels that this compiler gives too few registers, and the bytes that they may store and load at most. Named in
 * every report until they are mended; no other kernel may spill.
 */
const DEBTS = [
  { name: '_Z16hopper_attentionI11HopperShapeILi128E4FormILi2ELb1ELb1EELi2ELi64ELi2ELi1ELb1ELb1ELi1EEEv12HopperLaunch', arch: 'sm_90a', most: 76 },
  { name: '_Z10plain_redoILi32ELi8EEv6Launch', arch: 'sm_80', most: 32 },
]; // prettier-ignore

/** All CUDA sources compile for every target, spill no register, and hold the matrix instructions they were written for. */
export async function check() {
  const { nvcc, cuobjdump, lib } = await cudaToolkit();
  const jobs = `-j${availableParallelism()}`;
  const targets = [`PORTABLE=${PORTABLE}`, `OTHERS=${PORTABLE}`];
  const paths = [`NVCC=${nvcc}`, `CUDA_LIB=${lib}`, `OUT=${OUT}`, ...targets];
  await mustRun('make', ['-C', 'kernels/cuda', jobs, ...paths], { stdout: 'pipe' });
  const files = readdirSync(OUT);
  const complaints = files
    .filter((file) => file.endsWith('.cu.o.log'))
    .flatMap((file) => complaintsOf(file, readFileSync(join(OUT, file), 'utf8')));
  let kernels = 0;
  for (const { object, kernel, needs } of INTENDED) {
    const objects = files.filter((file) => object.test(file));
    if (objects.length === 0) complaints.push(`no object matches ${object}`);
    for (const file of objects) {
      const code = await mustRun(cuobjdump, ['-sass', join(OUT, file)], { stdout: 'pipe' });
      const found = functionsOf(code).filter(({ name }) => kernel.test(name));
      if (found.length === 0) complaints.push(`${file} holds no ${kernel}`);
      for (const { name, arch, text } of found) {
        kernels++;
        const missing = needs.filter((instruction) => !text.includes(instruction));
        if (missing.length > 0) complaints.push(`${arch} ${name} lacks ${missing.join(', ')}`);
      }
    }
  }
  if (complaints.length > 0) throw new Error(complaints.join('\n'));
  return `${kernels} matrix kernels checked; ${DEBTS.length} kernels may spill a little (DEBTS)`;
}

/** Spilled registers and products that the compiler had to put one after another, from its report. */
function complaintsOf(file, report) {
  const complaints = [...report.matchAll(/^.*\(C75\d\d\).*$/gm)].map(
    ([text]) => `${file}: ${text}`,
  );
  const sizes = /Compiling entry function '(\w+)' for '(\w+)'[^]*?(\d+) bytes spill stores, (\d+)/g;
  for (const [, name, arch, stores, loads] of report.matchAll(sizes)) {
    const owed = DEBTS.find((debt) => debt.name === name && debt.arch === arch)?.most ?? 0;
    if (Number(stores) > owed || Number(loads) > owed) {
      complaints.push(`${file}: ${arch} ${name} spills ${stores} and loads ${loads} bytes`);
    }
  }
  return complaints;
}

/** The machine code of each function, by architecture. */
function functionsOf(code) {
  let arch = '';
  return code.split(/^(?=\s*(?:arch =|Function :))/m).flatMap((text) => {
    arch = /^\s*arch = (\w+)/.exec(text)?.[1] ?? arch;
    const name = /^\s*Function : (\S+)/.exec(text)?.[1];
    return name === undefined ? [] : [{ name, arch, text }];
  });
}
