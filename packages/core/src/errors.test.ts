import { expect, test } from '@jest/globals';
import { AttentionError, CapacityError, InvalidArgumentError, UnsupportedError } from './errors.js';

test('every error is an AttentionError that knows its own name', () => {
  const error = new CapacityError('full');
  expect(error).toBeInstanceOf(AttentionError);
  expect(error).not.toBeInstanceOf(InvalidArgumentError);
  expect(String(error)).toBe('CapacityError: full');
});

test('UnsupportedError carries its reasons, in the message too', () => {
  const error = new UnsupportedError('op', ['FUSED: no kernel', 'COMPOSED: no memory']);
  expect(error.reasons).toEqual(['FUSED: no kernel', 'COMPOSED: no memory']);
  expect(error.message).toBe('op: FUSED: no kernel; COMPOSED: no memory');
  expect(new UnsupportedError('op', []).message).toBe('op');
});
