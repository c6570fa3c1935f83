import { UnsupportedError } from '@tfjs-attention/core';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { loadProgram, pick, reasonAgainst } from './choice.js';
import { compileAhead, compileNow, setUrls } from './source.js';

const whole = globalThis.WebAssembly;

/** The engine as another one: some parts replaced. */
function pretend(parts: Partial<Record<keyof typeof WebAssembly, unknown>> | undefined): void {
  globalThis.WebAssembly = parts as typeof WebAssembly;
  if (parts) Object.setPrototypeOf(parts, whole);
}

afterEach(() => {
  globalThis.WebAssembly = whole;
  setUrls(undefined);
});

/** Accepts modules up to a size: the relaxed SIMD probe is larger than the SIMD one. */
const acceptsUpTo = (bytes: number) => ({
  validate: (probe: Uint8Array) => probe.length <= bytes,
});

describe('the automatic choice', () => {
  test('is relaxed SIMD where the engine has it', () => {
    expect(pick('auto')).toBe('relaxed');
    expect(loadProgram('auto', false)).toMatchObject({ kind: 'wasm', name: 'relaxed' });
  });

  test('is SIMD where relaxed SIMD does not validate', () => {
    pretend(acceptsUpTo(39));
    expect(pick('auto')).toBe('simd');
    expect(reasonAgainst('relaxed')).toMatch(/--experimental-wasm-relaxed-simd/);
  });

  test('is TypeScript without SIMD or without WebAssembly, with the reason', () => {
    pretend(acceptsUpTo(0));
    expect(pick('auto')).toEqual({ reason: 'this engine has no WebAssembly SIMD' });
    pretend(undefined);
    expect(loadProgram('auto', false)).toEqual({
      kind: 'typescript',
      reason: 'this engine has no WebAssembly',
    });
  });

  test.each([
    ['CompileError', 'WebAssembly.Module(): Wasm code generation disallowed by embedder', /by CSP/],
    ['EvalError', 'call to WebAssembly.Module() blocked by CSP', /by CSP/],
    ['RangeError', 'disallowed on the main thread', /await ready\(\)/],
    ['Error', 'odd', /did not compile: odd/],
  ])('is TypeScript where compiling throws %s: %s', (name, message, reason) => {
    const error = name === 'RangeError' ? new RangeError(message) : new Error(message);
    pretend({
      Module: function refused() {
        throw error;
      },
    });
    // 'simd' of a shared memory was not compiled by another test of this file.
    pretendNoRelaxed();
    expect(loadProgram('auto', true)).toEqual({
      kind: 'typescript',
      reason: expect.stringMatching(reason),
    });
    expect(() => loadProgram('simd', true)).toThrow(UnsupportedError);
  });
});

function pretendNoRelaxed(): void {
  Object.assign(globalThis.WebAssembly, acceptsUpTo(39));
}

describe('a choice by name', () => {
  test('is taken, or throws with the reason', () => {
    expect(pick('simd')).toBe('simd');
    pretend(acceptsUpTo(39));
    expect(() => pick('relaxed')).toThrow(/relaxed SIMD/);
    expect(pick('typescript')).toHaveProperty('reason');
  });
});

describe('modules', () => {
  test('compile once for each kind of memory, and link to that kind only', () => {
    const module = compileNow('simd', false);
    expect(compileNow('simd', false)).toBe(module);
    const shared = new WebAssembly.Memory({ initial: 2, maximum: 65536, shared: true });
    const imports = { env: { memory: shared } };
    expect(() => new WebAssembly.Instance(module, imports)).toThrow(WebAssembly.LinkError);
    const instance = new WebAssembly.Instance(compileNow('simd', true), imports);
    expect(instance.exports).toHaveProperty('attn_run');
  });

  test('of setWasmUrl are fetched ahead, and missed until then', async () => {
    const served = Buffer.from(
      (await import('kernels/dist/attention_simd.wasm')).default,
      'base64',
    );
    const fetched = jest.spyOn(globalThis, 'fetch').mockImplementation((url) => {
      const found = typeof url === 'string' && url.endsWith('simd.wasm');
      return Promise.resolve(new Response(found ? served : '', { status: found ? 200 : 404 }));
    });
    setUrls({ simd: 'https://cdn.test/simd.wasm', relaxed: 'https://cdn.test/gone.wasm' });
    expect(() => loadProgram('simd', false)).toThrow(/await ready\(\)/);
    await expect(compileAhead('relaxed', false)).rejects.toThrow(
      /gone\.wasm: the server answered 404/,
    );
    await compileAhead('simd', false);
    await compileAhead('simd', true);
    expect(loadProgram('simd', false)).toMatchObject({ kind: 'wasm', name: 'simd' });
    expect(fetched).toHaveBeenCalledTimes(2);
    fetched.mockRestore();
  });
});
