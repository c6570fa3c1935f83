import { Tokenizer } from '@huggingface/tokenizers';
import type { CheckpointFiles } from './checkpoint/files.js';
import { JsonObject } from './checkpoint/json_object.js';
import { demand, reasonOf, UserError } from './user_error.js';

const FILE = 'tokenizer.json';
const CONFIG = 'tokenizer_config.json';

/** What we use of the library, whose own declarations do not resolve under NodeNext. */
interface Tokens {
  encode(text: string): { ids: number[] };
  decode(
    ids: readonly number[],
    options: { skip_special_tokens: boolean; clean_up_tokenization_spaces: boolean },
  ): string;
  id_to_token(id: number): string | undefined;
}
const TokensOf = Tokenizer as unknown as new (tokenizer: object, config: object) => Tokens;

/** Text to token ids and back, by the checkpoint's own rules. */
export class TextTokenizer {
  private constructor(
    private readonly tokenizer: Tokens,
    /** Stands before every text; null = nothing does. */
    private readonly bosTokenId: number | null,
  ) {}

  /** @returns undefined where the directory has no tokenizer.json. */
  static load(files: CheckpointFiles, bosTokenId: number | null): TextTokenizer | undefined {
    if (!files.has(FILE)) return undefined;
    const config = files.has(CONFIG) ? JsonObject.read(files, CONFIG) : undefined;
    const { values } = JsonObject.read(files, FILE);
    const addsBos = config?.boolean('add_bos_token', true) ?? true;
    try {
      const tokenizer = new TokensOf(values, { ...config?.values });
      return new TextTokenizer(tokenizer, addsBos ? bosTokenId : null);
    } catch (error) {
      throw new UserError(`${files.pathOf(FILE)}: cannot be used (${reasonOf(error)})`);
    }
  }

  /** Ids of a prompt, the text-start token in front. */
  encode(text: string): number[] {
    const { ids } = this.tokenizer.encode(text);
    const bos = this.bosTokenId;
    // Some tokenizers put it there themselves.
    const prompt = bos === null || ids[0] === bos ? ids : [bos, ...ids];
    demand(prompt.length > 0, 'the prompt is empty, and this model has no token to start from');
    return prompt;
  }

  /** Text of ids; special tokens, and ids that models have beyond their tokenizer's vocabulary, give none. */
  decode(ids: readonly number[]): string {
    const known = ids.filter((id) => this.tokenizer.id_to_token(id) !== undefined);
    if (known.length === 0) return '';
    return this.tokenizer.decode(known, {
      skip_special_tokens: true,
      clean_up_tokenization_spaces: false,
    });
  }
}
