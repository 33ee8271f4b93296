import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, suite, test } from 'node:test';
import { callerToken } from '#rpc/caller.ts';
import { loadSecretKeys, readCallerToken, writeCallerTokens } from '#runtime/secret-keys.ts';

const first = Buffer.from(Array.from({ length: 32 }, (_, index) => 255 - index));
const second = Buffer.alloc(40, 'second');

suite('secret keys', () => {
  let parent = '';
  let dataDir = '';
  before(async () => {
    parent = await mkdtemp(join(tmpdir(), 'rollcall-keys-'));
  });
  beforeEach(async () => {
    // Does not exist yet, as on a first run.
    dataDir = join(await mkdtemp(join(parent, 'run-')), 'data');
  });
  after(() => rm(parent, { recursive: true }));

  test('come from the setting, the current one first, and then nothing is written', async () => {
    for (const encoding of ['base64', 'base64url', 'hex'] as const) {
      const secretKey = `${first.toString(encoding)}, ${second.toString(encoding)}`;
      assert.deepEqual(await loadSecretKeys({ secretKey, dataDir }), [first, second]);
    }
    await assert.rejects(readdir(dataDir), { code: 'ENOENT' });
  });

  test('are refused when short or malformed, without being shown', async () => {
    for (const [secretKey, number] of [
      [first.subarray(1).toString('base64'), 1],
      [first.subarray(1).toString('hex'), 1],
      [`${first.toString('hex')},${'not base64! '.repeat(8)}`, 2],
      [`${first.toString('hex')},`, 2],
    ] as const) {
      await assert.rejects(loadSecretKeys({ secretKey, dataDir }), {
        name: 'ConfigError',
        message: `ROLLCALL_SECRET_KEY: key ${number} must be base64 or hex of at least 32 bytes, such as \`openssl rand -base64 32\` prints.`,
      });
    }
  });

  test('are made once, for the owner only, and found again', async () => {
    const [made, ...others] = await loadSecretKeys({ dataDir });
    assert.equal(made.length, 32);
    assert.equal(others.length, 0);
    assert.deepEqual(await loadSecretKeys({ dataDir, secretKey: '' }), [made]);
    assert.deepEqual(await readdir(dataDir), ['secret.key']);
    assert.equal((await stat(join(dataDir, 'secret.key'))).mode & 0o777, 0o600);
  });

  test('are the same for processes that start at once', async () => {
    const all = await Promise.all(Array.from({ length: 20 }, () => loadSecretKeys({ dataDir })));
    assert.equal(new Set(all.map(([key]) => key.toString('hex'))).size, 1);
    assert.deepEqual(await readdir(dataDir), ['secret.key']);
  });

  test('in a damaged file are refused with its name', async () => {
    await loadSecretKeys({ dataDir });
    const path = join(dataDir, 'secret.key');
    await writeFile(path, '');
    await assert.rejects(loadSecretKeys({ dataDir }), (error: Error) =>
      error.message.startsWith(`${path}: key 1`),
    );
  });

  test('give the credential of every role, for the owner only', async () => {
    await writeCallerTokens(dataDir, second);
    await writeCallerTokens(dataDir, first);
    const files = {
      'directory.token': 'admin',
      'gateway.token': 'gateway',
      'access.token': 'access',
      'service.token': 'service',
    } as const;
    assert.deepEqual((await readdir(dataDir)).toSorted(), Object.keys(files).toSorted());
    for (const [file, role] of Object.entries(files)) {
      assert.equal((await readFile(join(dataDir, file), 'utf8')).trim(), callerToken(first, role));
      assert.equal((await stat(join(dataDir, file))).mode & 0o777, 0o600);
      assert.equal(await readCallerToken(dataDir, role), callerToken(first, role));
    }
  });

  test('that gave no credential yet say what to do', async () => {
    await assert.rejects(readCallerToken(dataDir, 'gateway'), {
      name: 'ConfigError',
      message: `No caller credential at ${join(dataDir, 'gateway.token')}: start the directory with the same ROLLCALL_DATA_DIR first, or set ROLLCALL_DIRECTORY_TOKEN.`,
    });
  });
});
