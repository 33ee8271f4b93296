import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { ConfigError, readConfig } from '#runtime/config.ts';

const schema = z.object({
  ROLLCALL_GATEWAY_PORT: z.coerce.number().int().min(0).max(65_535).default(8080).describe('0 to 65535'),
  ROLLCALL_SECRET_KEY: z.string().min(32).describe('at least 32 characters'),
  ROLLCALL_LOG_LEVEL: z.enum(['info', 'warn']).default('info').describe('info or warn'),
});
const key = 'k'.repeat(32);

const problemOf = (env: Record<string, string | undefined>): string => {
  try {
    readConfig(schema, env);
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.message;
  }
  return assert.fail('nothing was refused');
};

test('values are parsed, defaults filled in, empty and unknown variables ignored', () => {
  assert.deepEqual(
    readConfig(schema, {
      ROLLCALL_SECRET_KEY: key,
      ROLLCALL_GATEWAY_PORT: '0',
      ROLLCALL_LOG_LEVEL: '',
      HOME: '/',
    }),
    { ROLLCALL_GATEWAY_PORT: 0, ROLLCALL_SECRET_KEY: key, ROLLCALL_LOG_LEVEL: 'info' },
  );
});

test('a wrong value is one line with name, value and what is allowed', () => {
  const message = problemOf({
    ROLLCALL_SECRET_KEY: key,
    ROLLCALL_GATEWAY_PORT: 'abc\ndef',
    ROLLCALL_LOG_LEVEL: 'loud',
  });
  assert.match(
    message,
    /^ROLLCALL_GATEWAY_PORT is "abc\\ndef": .*\(0 to 65535\); ROLLCALL_LOG_LEVEL is "loud": .*\(info or warn\)$/,
  );
});

test('a secret is named but not shown, a missing one is said to be missing', () => {
  const message = problemOf({ ROLLCALL_SECRET_KEY: 'hunter2' });
  assert.match(message, /^ROLLCALL_SECRET_KEY is \(value not shown\): .*\(at least 32 characters\)$/);
  assert.doesNotMatch(message, /hunter2/);
  assert.match(problemOf({}), /^ROLLCALL_SECRET_KEY is not set: .*\(at least 32 characters\)$/);
});
