/** A mistake in what the user gave: shown as one line, without a stack trace. */
export class UserError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UserError';
  }
}

/** Throws a UserError unless the condition holds. */
export function demand(condition: boolean, message: string): asserts condition {
  if (!condition) throw new UserError(message);
}

/** What went wrong, without the path that Node appends: the caller has named it. */
export function reasonOf(error: unknown): string {
  const { message } = error as Error;
  return message.replace(/, \w+( '.*')?$/, '');
}
