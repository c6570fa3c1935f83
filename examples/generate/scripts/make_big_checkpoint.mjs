// Writes a sharded Llama checkpoint of random bfloat16 weights, larger than 4 GB unless told otherwise:
//   node examples/generate/scripts/make_big_checkpoint.mjs DIRECTORY [--gigabytes 4.5] [--shard-gigabytes 1]
import { closeSync, mkdirSync, openSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    gigabytes: { type: 'string', default: '4.5' },
    'shard-gigabytes': { type: 'string', default: '1' },
  },
});
const [directory] = positionals;
if (directory === undefined) throw new Error('a directory is needed: it is made and filled');
const wanted = Number(values.gigabytes) * 1e9;
const shardSize = Number(values['shard-gigabytes']) * 1e9;

const [D, I, N, K, H, V] = [2560, 6912, 20, 4, 128, 32000];

const layer = (i) => {
  const name = `model.layers.${i}`;
  return [
    [`${name}.input_layernorm.weight`, [D]],
    [`${name}.self_attn.q_proj.weight`, [N * H, D]],
    [`${name}.self_attn.k_proj.weight`, [K * H, D]],
    [`${name}.self_attn.v_proj.weight`, [K * H, D]],
    [`${name}.self_attn.o_proj.weight`, [D, N * H]],
    [`${name}.post_attention_layernorm.weight`, [D]],
    [`${name}.mlp.gate_proj.weight`, [I, D]],
    [`${name}.mlp.up_proj.weight`, [I, D]],
    [`${name}.mlp.down_proj.weight`, [D, I]],
  ];
};
const bytesOf = (shape) => shape.reduce((product, size) => product * size, 2);
const total = (tensors) => tensors.reduce((sum, [, shape]) => sum + bytesOf(shape), 0);

const tensors = [['model.embed_tokens.weight', [V, D]]];
let numLayers = 0;
const tail = [
  ['model.norm.weight', [D]],
  ['lm_head.weight', [V, D]],
];
while (total([...tensors, ...tail]) < wanted) tensors.push(...layer(numLayers++));
tensors.push(...tail);

const shards = [[]];
for (const tensor of tensors) {
  if (total([...shards.at(-1), tensor]) > shardSize) shards.push([]);
  shards.at(-1).push(tensor);
}

// Numbers between 2^-8 and 2^-6 of either sign, the same few million of them again and again.
const noise = Uint16Array.from({ length: 2 ** 22 }, () => {
  const random = Math.floor(Math.random() * 2 ** 16);
  return (random & 0x8000) | (0x3b80 + (random & 0xff));
});
const pattern = new Uint8Array(noise.buffer);

function writeShard(path, content) {
  const header = { __metadata__: { format: 'pt' } };
  let end = 0;
  for (const [name, shape] of content) {
    const begin = end;
    end += bytesOf(shape);
    header[name] = { dtype: 'BF16', shape, data_offsets: [begin, end] };
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  const file = openSync(path, 'w');
  writeSync(file, length);
  writeSync(file, text);
  for (let done = 0; done < end;) {
    done += writeSync(file, pattern, 0, Math.min(pattern.length, end - done));
  }
  closeSync(file);
}

mkdirSync(directory, { recursive: true });
const weight_map = {};
for (const [i, content] of shards.entries()) {
  const part = (number) => String(number).padStart(5, '0');
  const name = `model-${part(i + 1)}-of-${part(shards.length)}.safetensors`;
  writeShard(join(directory, name), content);
  for (const [tensor] of content) weight_map[tensor] = name;
  console.log(`${name}: ${total(content).toLocaleString('en-US')} bytes`);
}
const config = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  dtype: 'bfloat16',
  vocab_size: V,
  hidden_size: D,
  intermediate_size: I,
  num_hidden_layers: numLayers,
  num_attention_heads: N,
  num_key_value_heads: K,
  head_dim: H,
  max_position_embeddings: 2048,
  rms_norm_eps: 1e-5,
  rope_parameters: { rope_type: 'default', rope_theta: 10000 },
  tie_word_embeddings: false,
};
const index = { metadata: { total_size: total(tensors) }, weight_map };
writeFileSync(join(directory, 'config.json'), JSON.stringify(config, null, 2));
writeFileSync(join(directory, 'model.safetensors.index.json'), JSON.stringify(index, null, 2));
console.log(`${numLayers} layers, ${total(tensors).toLocaleString('en-US')} bytes in all`);
