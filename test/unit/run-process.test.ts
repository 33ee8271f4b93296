import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';

/** Runs the fixture; `signals` are sent one by one, the first when it is ready, the others until it ends. */
async function runFixture(
  args: string[],
  options: { signals?: NodeJS.Signals[]; repeat?: boolean; env?: Record<string, string> } = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const script = join(import.meta.dirname, '..', 'support', 'run-process-fixture.ts');
  const child = spawn(process.execPath, [script, ...args], { env: { ...process.env, ...options.env } });
  const result = { stdout: '', stderr: '' };
  let repeated: NodeJS.Timeout | undefined;
  child.stderr.on('data', (chunk) => {
    result.stderr += chunk;
  });
  child.stdout.on('data', (chunk) => {
    const wasReady = result.stdout.includes('ready\n');
    result.stdout += chunk;
    if (wasReady || !result.stdout.includes('ready\n')) return;
    for (const signal of options.signals ?? []) child.kill(signal);
    if (options.repeat) repeated = setInterval(() => child.kill('SIGTERM'), 50);
  });
  const [code] = (await once(child, 'close')) as [number];
  clearInterval(repeated);
  return { code, ...result };
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} disposes what runs and exits with 0`, async () => {
    const { code, stdout, stderr } = await runFixture(['runs'], { signals: [signal] });
    assert.equal(code, 0);
    assert.match(stdout, /disposed\n/);
    assert.equal(stderr, '');
  });
}

test('one Ctrl-C that arrives twice, as under npm, is one', async () => {
  const { code, stdout } = await runFixture(['runs'], { signals: ['SIGINT', 'SIGTERM', 'SIGINT'] });
  assert.equal(code, 0);
  assert.match(stdout, /disposed\n/);
});

test('a second signal exits at once', async () => {
  const { code } = await runFixture(['stop-hangs'], { signals: ['SIGTERM'], repeat: true });
  assert.equal(code, 1);
});

test('a stop that takes longer than the deadline exits with 1', async () => {
  const { code, stdout } = await runFixture(['stop-hangs', '50'], { signals: ['SIGTERM'] });
  assert.equal(code, 1);
  assert.match(stdout, /not stopped in time/);
});

test('a stop that fails exits with 1', async () => {
  const { code, stdout } = await runFixture(['stop-fails'], { signals: ['SIGTERM'] });
  assert.equal(code, 1);
  assert.match(stdout, /could not stop cleanly/);
});

test('a signal while starting aborts the start and exits with 0', async () => {
  const { code, stderr } = await runFixture(['slow-start'], { signals: ['SIGTERM'] });
  assert.equal(code, 0);
  assert.equal(stderr, '');
});

test('a start that fails prints one line and exits with 1', async () => {
  const { code, stderr } = await runFixture(['start-fails']);
  assert.equal(code, 1);
  assert.equal(stderr, 'Could not start: the port is taken\n');
});

test('a wrong setting prints one line and exits with 2', async () => {
  const { code, stdout, stderr } = await runFixture(['bad-config'], {
    env: { ROLLCALL_GATEWAY_PORT: '70000' },
  });
  assert.equal(code, 2);
  assert.match(stderr, /^ROLLCALL_GATEWAY_PORT is "70000": [^\n]*65535[^\n]*\n$/);
  assert.equal(stdout, '');
});
