/**
 * The program of a helper thread, as text: workers start from a Blob or from `eval`, so that no bundler has to find a
 * file. `words` is CONTROL, `tell` says that the helper is up.
 */
const HELPER = `
function help({ module, memory, control, stackTop, index, words }, tell) {
  const { exports } = new WebAssembly.Instance(module, { env: { memory } });
  exports.__stack_pointer.value = stackTop;
  const at = new Int32Array(memory.buffer, control, 16);
  const work = () => {
    const field = (name) => at[words[name]];
    const count = field('count');
    const step = field('step');
    for (;;) {
      const begin = Atomics.add(at, words.next, step);
      if (begin >= count) return;
      const scratch = field('scratch') + index * field('scratchBytes');
      const end = Math.min(count, begin + step);
      exports.attn_run(field('params'), field('operands'), field('items'), begin, end, field('partials'), scratch);
    }
  };
  tell();
  for (let seen = 0; ; ) {
    for (let spins = 0; spins < 4000 && Atomics.load(at, words.sequence) === seen; spins++);
    Atomics.wait(at, words.sequence, seen);
    seen = Atomics.load(at, words.sequence);
    if (Atomics.load(at, words.stop)) return;
    Atomics.add(at, words.active, 1);
    try {
      if (Atomics.load(at, words.open)) work();
    } catch {
      Atomics.store(at, words.failed, 1);
    }
    Atomics.sub(at, words.active, 1);
    Atomics.notify(at, words.active);
  }
}
`;

export const NODE_HELPER = `${HELPER}
const { workerData, parentPort } = process.getBuiltinModule('node:worker_threads');
help(workerData, () => parentPort.postMessage('up'));
`;

export const WEB_HELPER = `${HELPER}
onmessage = ({ data }) => help(data, () => postMessage('up'));
`;
