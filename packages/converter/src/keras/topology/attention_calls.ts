import type { Findings } from '../findings.js';
import type { Json, JsonDict } from '../json.js';
import { refsOf, type Argument, type LayerCall, type TensorRef } from './calls.js';

const MASKED = ['query_mask', 'value_mask', 'key_mask'];
const OPTIONS = ['return_attention_scores', 'training', 'use_causal_mask'];

/** Python's parameters of `call`, in order. */
const PARAMETERS: Record<string, readonly string[]> = {
  MultiHeadAttention: ['query', 'value', 'key', ...MASKED, 'attention_mask', ...OPTIONS],
  GroupQueryAttention: ['query', 'value', 'key', ...MASKED, 'attention_mask', ...OPTIONS],
  CachedMultiHeadAttention: [
    'query', 'value', 'key', 'attention_mask', 'cache', 'cache_update_index', 'return_attention_scores', 'training',
  ],
}; // prettier-ignore

export const isAttention = (className: string) => className in PARAMETERS;

/** Calls as tfjs has them: tensors by position; their names and what else was said are config of the layer. */
export interface PositionalCalls {
  inputs: TensorRef[][];
  config: JsonDict;
}

/** Turns the calls of an attention layer into positional inputs, the same for each call. */
export function attentionCalls(
  where: string,
  className: string,
  calls: readonly LayerCall[],
  findings: Findings,
): PositionalCalls {
  const read = calls.map((call) => bind(where, PARAMETERS[className], call, findings));
  spellOut(read.map(({ tensors }) => tensors));
  const names = PARAMETERS[className].filter((name) => read[0]?.tensors.has(name));
  const config: JsonDict = names.length > 1 ? { call_inputs: names } : {};
  for (const [i, { tensors, options }] of read.entries()) {
    if (!tensors.has('query')) findings.add(where, 'is called without a query');
    if (tensors.size !== names.length || names.some((name) => !tensors.has(name))) {
      findings.add(
        where,
        `is called once with ${names.join(', ')} and once with ${[...tensors.keys()].join(', ')}, and tfjs's layers take the same inputs in every call`,
      );
    }
    if (i > 0 && JSON.stringify(options) !== JSON.stringify(read[0].options)) {
      findings.add(
        where,
        `is called with ${JSON.stringify(read[0].options)} and with ${JSON.stringify(options)}, and tfjs keeps no options of calls`,
      );
    }
  }
  Object.assign(config, read[0]?.options);
  return {
    inputs: read.map(({ tensors }) =>
      names.flatMap((name) => (tensors.has(name) ? [tensors.get(name) as TensorRef] : [])),
    ),
    config,
  };
}

/** value and key stand in all calls or, where they say in each what is the default, in none. */
function spellOut(calls: readonly Map<string, TensorRef>[]): void {
  for (const [name, standard] of [
    ['key', 'value'],
    ['value', 'query'],
  ] as const) {
    const byDefault = (tensors: Map<string, TensorRef>) =>
      tensors.get(standard) ?? tensors.get('query');
    const differs = calls.some(
      (tensors) => tensors.has(name) && String(tensors.get(name)) !== String(byDefault(tensors)),
    );
    for (const tensors of calls) {
      const fallback = byDefault(tensors);
      if (!differs) tensors.delete(name);
      else if (!tensors.has(name) && fallback !== undefined) tensors.set(name, fallback);
    }
  }
}

function bind(where: string, parameters: readonly string[], call: LayerCall, findings: Findings) {
  const tensors = new Map<string, TensorRef>();
  const options: JsonDict = {};
  const given: [string, Argument][] = [
    ...call.args
      .flatMap((arg) => (arg.kind === 'list' ? arg.items : [arg]))
      .map((arg, i): [string, Argument] => [parameters[i] ?? `argument ${i}`, arg]),
    ...Object.entries(call.kwargs),
  ];
  for (const [name, argument] of given) {
    if (argument.kind === 'tensor') {
      if (parameters.includes(name) && !OPTIONS.includes(name)) tensors.set(name, argument.ref);
      else findings.add(where, `is called with a tensor as ${name}`);
      continue;
    }
    const value: Json = argument.kind === 'value' ? argument.value : 'a list';
    if (value === null || (name === 'training' && value === false)) continue;
    if (name === 'use_causal_mask' || name === 'return_attention_scores') {
      if (value === true) options[name] = true;
      continue;
    }
    findings.add(
      where,
      `is called with ${name} = ${JSON.stringify(value)}, which tfjs has no place for`,
    );
  }
  return { tensors, options: Object.fromEntries(Object.entries(options).sort()) };
}

/** The tensors of any other layer's calls, in order; named arguments that are no tensor must be void. */
export function plainCalls(
  where: string,
  className: string,
  calls: readonly LayerCall[],
  findings: Findings,
): TensorRef[][] {
  const states = ['initial_state'];
  return calls.map(({ args, kwargs }) => {
    for (const arg of args) {
      if (arg.kind === 'value') {
        findings.add(
          where,
          `is called with ${JSON.stringify(arg.value)}, and tfjs's layers take tensors`,
        );
      }
    }
    const named = Object.entries(kwargs).flatMap(([name, argument]) => {
      const refs = refsOf(argument);
      if (refs.length === 0) {
        const value = argument.kind === 'value' ? argument.value : [];
        const isVoid = value === null || value === false || JSON.stringify(value) === '[]';
        if (!isVoid) {
          findings.add(
            where,
            `is called with ${name} = ${JSON.stringify(value)}, which tfjs has no place for`,
          );
        }
        return [];
      }
      if (
        name === 'inputs' ||
        (states.includes(name) && /RNN|LSTM|GRU|Bidirectional/.test(className))
      ) {
        return refs;
      }
      findings.add(where, `is called with a tensor as ${name}, which tfjs has no place for`);
      return [];
    });
    return [...args.flatMap(refsOf), ...named];
  });
}
