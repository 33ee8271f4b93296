import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { createUser, patchBody, userBody } from '../scim/scim-fixture.ts';
import { type ExchangeWatch, watchExchanges } from '../support/exchange-watch.ts';
import { startRollcall, type TestConnection, type TestRollcall } from '../support/rollcall.ts';
import { runCommand } from '../support/run-command.ts';
import { type ScimAnswer, type ScimClient, scimOf } from '../support/scim-client.ts';

const launcher = join(import.meta.dirname, '..', '..', 'bin', 'rollcall');
let rollcall: TestRollcall;
let connection: TestConnection;
let watch: ExchangeWatch;
let scim: ScimClient;
let user: ScimAnswer['body'];
/** The ids of the exchanges that the log begins with: a creation, a refused one, a PATCH and a read. */
let ids: readonly string[];
before(async () => {
  rollcall = await startRollcall();
  connection = await rollcall.connect();
  watch = await watchExchanges(rollcall.directory, connection.id);
  scim = scimOf(connection);
  user = await createUser(scim, { userName: 'Ada@example.com', password: 'hunter2' });
  await scim('POST', '/Users', userBody({ userName: 'ada@example.com', title: '\u009b2J' }));
  await scim('PATCH', `/Users/${user.id}`, patchBody({ op: 'replace', value: { active: 'False' } }));
  await scim('GET', '/Groups');
  ids = [(await watch.next()).id, (await watch.next()).id, (await watch.next()).id, (await watch.next()).id];
});
after(async () => {
  await watch[Symbol.asyncDispose]();
  await rollcall[Symbol.asyncDispose]();
});

const env = () => ({
  PATH: process.env.PATH,
  ROLLCALL_DATA_DIR: rollcall.dataDir,
  ROLLCALL_DIRECTORY_ADDRESS: rollcall.directoryAddress,
});

function log(...args: readonly string[]) {
  return runCommand(launcher, ['log', ...args, '--connection', connection.id], { env: env() });
}

/** What a command prints; it must succeed. */
async function printed(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await log(...args);
  assert.deepEqual([code, stderr], [0, ''], stdout);
  assert.doesNotMatch(stdout, /hunter2|\u009b/);
  return stdout;
}

async function listed(...args: readonly string[]): Promise<string[]> {
  return JSON.parse(await printed(...args, '--json')).map(({ id }: { id: string }) => id);
}

test('log lists exchanges, newest first, as a table or as JSON', async () => {
  const lines = (await printed()).trimEnd().split('\n');
  assert.match(lines[0] ?? '', /^id +time +status +ms +request +repairs +error$/);
  assert.deepEqual(
    lines.slice(1).map((line) => line.split(' ')[0]),
    ids.toReversed(),
  );
  assert.match(lines[2] ?? '', /PATCH \/Users\/\S+ +textBooleans +-$/);
  assert.match(lines[3] ?? '', / 409 .* uniqueness: Another User has this userName/);
  assert.deepEqual(await listed(), ids.toReversed());
});

test('log finds by failure, user, time and number', async () => {
  const [created, refused, patched, read] = ids;
  assert.deepEqual(await listed('--failed'), [refused]);
  // The user's name stands in two of them, its id in two.
  assert.deepEqual(await listed('--user', 'ADA@example.com'), [patched, refused, created]);
  assert.deepEqual(await listed('--user', user.id), [patched, refused, created]);
  assert.deepEqual(await listed('--user', 'nobody@example.com'), []);
  assert.deepEqual(await listed('--limit', '2', '--since', '1h'), [read, patched]);
  assert.deepEqual(await listed('--since', '2999-01-01'), []);
  assert.equal(await printed('--since', '2999-01-01'), 'There is nothing like that in the log.\n');
});

test('log show prints everything about one, and what it changed', async () => {
  const text = await printed('show', ids[2] ?? '');
  assert.match(text, /^request +PATCH \/Users\//m);
  assert.match(text, /^repairs +textBooleans$/m);
  assert.match(text, new RegExp(`^changes +2: User ${user.id} updated \\(active\\)$`, 'm'));
  assert.match(text, /"active": "False"/);
  const { requestBody, changes, ...shown } = JSON.parse(await printed('show', ids[0] ?? '', '--json'));
  assert.deepEqual([shown.id, shown.status, shown.masked], [ids[0], 201, ['password']]);
  assert.equal(JSON.parse(requestBody).password, '<masked text>');
  assert.deepEqual(
    changes.map(({ position }: { position: number }) => position),
    [1],
  );
});

test('log replay prints what a request would do now', async () => {
  await scim('PATCH', `/Users/${user.id}`, patchBody({ op: 'replace', path: 'active', value: true }));
  await watch.next();
  const text = await printed('replay', ids[2] ?? '');
  assert.match(
    text,
    /tried again without writing anything\.\n\nIt was answered with 200\. Now it would be 200\.\n/,
  );
  assert.match(text, /^Repairs: textBooleans$/m);
  assert.match(
    text,
    new RegExp(
      `^It would change User ${user.id}\\.\n  attribute  before  after\n  active     true    false$`,
      'm',
    ),
  );
  const refused = await printed('replay', ids[0] ?? '');
  assert.match(refused, /^Placeholders stand in for what was masked.*: password$/m);
  assert.match(refused, /Now it would be 409\.\nError: uniqueness: .*\nIt would write nothing\.\n$/);
  const { status, now, writes } = JSON.parse(await printed('replay', ids[2] ?? '', '--json'));
  assert.deepEqual(
    [status, now.status, writes[0].differences],
    [200, 200, [{ attribute: 'active', before: true, after: false }]],
  );
  const mask = ['connections', 'update', '--connection', connection.id, '--mask', 'active'];
  assert.equal((await runCommand(launcher, mask, { env: env() })).code, 0);
  const hidden = await printed('replay', ids[2] ?? '');
  assert.match(hidden, /^Not shown here, because the connection masks it now: active$/m);
  assert.doesNotMatch(hidden, /^Placeholders|true +false/m);
  assert.equal((await scim('GET', `/Users/${user.id}`)).body.active, true);
  await watch.next();

  const { code, stdout, stderr } = await log('replay', ids[3] ?? '');
  assert.deepEqual([code, stdout], [1, '']);
  assert.match(stderr, /^error: A GET changes nothing/);
});

test('log --follow goes on with what comes', async () => {
  const args = ['log', '--connection', connection.id, '--follow', '--failed', '--json'];
  const child = spawn(launcher, args, { env: env(), stdio: ['ignore', 'pipe', 'inherit'] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  assert.equal(JSON.parse((await lines.next()).value ?? '').id, ids[1]);
  await scim('GET', '/Users/nobody');
  const { status, path } = JSON.parse((await lines.next()).value ?? '');
  assert.deepEqual([status, path], [404, '/Users/nobody']);
  child.kill('SIGINT');
  await once(child, 'exit');
  await watch.next();
});

test('a wrong call is one line and exit code 2', async () => {
  const wrong: readonly [readonly string[], RegExp][] = [
    [['--since', 'yesterday'], /Write it as 30m, 1h or 2d/],
    [['--limit', '0'], /Write a number from 1 to 1000/],
    [['nonsense'], /too many arguments/],
  ];
  for (const [args, message] of wrong) {
    const { code, stdout, stderr } = await log(...args);
    assert.deepEqual([code, stdout], [2, '']);
    assert.match(stderr, message);
  }
  const { code, stderr } = await runCommand(launcher, ['log'], { env: env() });
  assert.deepEqual([code, stderr], [2, "error: required option '--connection <id>' not specified\n"]);
  const unknown = await log('show', 'nonsense');
  assert.deepEqual([unknown.code, unknown.stdout], [1, '']);
  assert.match(unknown.stderr, /no exchange with this id/);
});
