// @page {"devices": ["webgl"]}
// Data that others made, on tfjs 'webgl': 59 cases of ONNX, 9 of vLLM's attention and 2 of its merges.
import '@tfjs-attention/backend-webgl';
import { nameOf, parseCases, runCase } from '../../outside/run_case.js';
import { expectEqual, pageTest } from '../page_test.js';
import { setWebGlBackend } from '../webgl.js';

const FILES = {
  'onnx_attention.json.gz': 59,
  'vllm_unified_attention.json.gz': 9,
  'vllm_merge_attn_states.json.gz': 2,
};

for (const [file, count] of Object.entries(FILES)) {
  pageTest(file, async () => {
    await setWebGlBackend();
    const { body } = await fetch(`/fixtures/conformance/${file}`);
    if (body === null) throw new Error(`no ${file}`);
    const text = new Response(body.pipeThrough(new DecompressionStream('gzip'))).text();
    const cases = parseCases(file, await text);
    expectEqual(cases.length, count);
    const failures: string[] = [];
    for (const c of cases) {
      const outcome = await runCase(c, 'FUSED');
      failures.push(...outcome.failures.map((failure) => `${nameOf(c)}: ${failure}`));
    }
    expectEqual(failures, []);
  });
}
