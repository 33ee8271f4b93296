import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { after, suite, test } from 'node:test';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { createGroup, createUser, filtered, patchBody, userBody } from '../scim/scim-fixture.ts';
import { fillGroup } from '../support/fill-group.ts';
import { startRollcall, type TestConnection } from '../support/rollcall.ts';
import { type ScimAnswer, scimOf } from '../support/scim-client.ts';

/** The connections whose queries of users the database works on. */
const queries = new Map<number, string>();
/** How many queries of users it worked on for one connection at most. */
const mostAtOnce = new Map<string, number>();

const rollcall = await startRollcall((event) => {
  if (!('command' in event)) {
    queries.delete(event.requestId);
    return;
  }
  if (event.command.aggregate !== 'users') return;
  const tenant: string = event.command.pipeline[0].$match.connection;
  queries.set(event.requestId, tenant);
  const now = [...queries.values()].filter((each) => each === tenant).length;
  mostAtOnce.set(tenant, Math.max(now, mostAtOnce.get(tenant) ?? 0));
});
after(() => rollcall[Symbol.asyncDispose]());
const [busy, quiet] = [await rollcall.connect(), await rollcall.connect()];
const revocation = patchBody({ op: 'replace', path: 'active', value: false });

/** Sends requests at once; `left` says how many are not answered yet. */
function flood(count: number, status: number, send: () => Promise<ScimAnswer>) {
  let left = count;
  const answered = Array.from({ length: count }, async () => {
    const answer = await send();
    left -= 1;
    assert.equal(answer.status, status, JSON.stringify(answer.body));
    return answer;
  });
  return { left: () => left, done: Promise.all(answered) };
}

/** Begins a request for a new user and waits until it has arrived, all but its body; that is sent later. */
async function begin({ baseUrl, token }: TestConnection) {
  const body = JSON.stringify(userBody());
  const sent = request(`${baseUrl}/Users`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/scim+json',
      'content-length': body.length,
      expect: '100-continue',
    },
  });
  sent.flushHeaders();
  await once(sent, 'continue');
  return async () => {
    sent.end(body);
    const [{ statusCode }] = (await once(sent, 'response')) as [IncomingMessage];
    return statusCode;
  };
}

/** What a connection that has done nothing wrong gets answered at any time. */
async function assertServed(connection: TestConnection): Promise<void> {
  const scim = scimOf(connection);
  const created = await scim('POST', '/Users', userBody());
  assert.equal(created.status, 201);
  const path = `/Users/${created.body.id}`;
  assert.equal((await scim('GET', path)).status, 200);
  assert.equal((await scim('GET', '/Users?count=10')).status, 200);
  assert.equal((await scim('PATCH', path, revocation)).body.active, false);
}

suite('what one connection asks for', () => {
  test('as much as it may write, does not hold up what another writes', async () => {
    const load = flood(800, 201, () => scimOf(busy)('POST', '/Users', userBody()));
    while (load.left() > 750) await nextTurn();
    await assertServed(quiet);
    const left = load.left();
    await load.done;
    assert.ok(left > 0, 'the other was served when the load was done');
  });

  test('a revocation waits for what its own connection sent before, and for nothing after', async () => {
    const scim = scimOf(busy);
    const user = await createUser(scim);
    const before = flood(200, 201, () => scim('POST', '/Users', userBody()));
    const revoked = scim('PATCH', `/Users/${user.id}`, revocation);
    const after = flood(400, 201, () => scim('POST', '/Users', userBody()));
    const { status, headers } = await revoked;
    assert.equal(status, 200);
    const position = Number(headers.get('rollcall-position'));
    const positions = (await after.done).map((answer) => Number(answer.headers.get('rollcall-position')));
    const earlier = positions.filter((each) => each < position).length;
    await before.done;
    assert.ok(earlier < 200, `${earlier} of 400 writes that were sent later came first`);
  });

  test('as much as it may read, does not take the whole database', async () => {
    const scim = scimOf(busy);
    const scans = flood(300, 200, () =>
      scim('GET', `/Users?count=1&${filtered('title co "nobody has this"')}`),
    );
    await assertServed(quiet);
    const left = scans.left();
    await scans.done;
    assert.ok(left > 0, 'the other was served when the scans were done');
    const most = mostAtOnce.get(busy.id) ?? 0;
    assert.ok(most > 1 && most <= 16, `${most} scans at once`);
  });

  test('without sending the whole of it, holds up nobody else, and is served when it has', async () => {
    const ends = await Promise.all(Array.from({ length: 300 }, () => begin(busy)));
    await assertServed(quiet);
    const statuses = await Promise.all(ends.map((end) => end()));
    assert.deepEqual(new Set(statuses), new Set([201]));
    await assertServed(busy);
  });

  test('and goes away before it was its turn, takes no place', async () => {
    const gone = Array.from({ length: 300 }, () => {
      const controller = new AbortController();
      const answer = fetch(`${busy.baseUrl}/Users?count=1`, {
        headers: { authorization: `Bearer ${busy.token}` },
        signal: controller.signal,
      });
      return { answer, controller };
    });
    for (const { controller } of gone) controller.abort();
    const results = await Promise.allSettled(gone.map(({ answer }) => answer));
    assert.ok(results.every(({ status }) => status === 'rejected'));
    await assertServed(busy);
  });

  test('and does not read, holds up nobody', async () => {
    const group = await createGroup(scimOf(busy));
    await fillGroup(rollcall, busy, group.id, 40_000);
    const headers = { authorization: `Bearer ${busy.token}` };
    const answers = await Promise.all(
      Array.from({ length: 6 }, async () => {
        const sent = request(`${busy.baseUrl}/Groups/${group.id}`, { headers }).end();
        const [answer] = (await once(sent, 'response')) as [IncomingMessage];
        return answer;
      }),
    );
    await assertServed(quiet);
    await assertServed(busy);
    for (const answer of answers) {
      assert.equal(answer.complete, false);
      answer.destroy();
    }
  });
});
