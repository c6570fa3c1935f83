/** Something that the set-up lacks or refuses: shown as it stands, without a stack trace. */
export class SetupError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'SetupError';
  }
}
