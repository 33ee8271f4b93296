import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { after, suite, test } from 'node:test';
import { createGroup, createUser, filtered, patchBody, userBody } from '../scim/scim-fixture.ts';
import { fillGroup } from '../support/fill-group.ts';
import { startRollcall } from '../support/rollcall.ts';
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

suite('what one connection asks for', () => {
  test('as much as it may write, does not hold up what another writes', async () => {
    const user = await createUser(scimOf(quiet));
    const load = flood(600, 201, () => scimOf(busy)('POST', '/Users', userBody()));
    const scim = scimOf(quiet);
    assert.equal((await scim('POST', '/Users', userBody())).status, 201);
    const leftAfterWrite = load.left();
    assert.equal((await scim('PATCH', `/Users/${user.id}`, revocation)).status, 200);
    const leftAfterRevocation = load.left();
    await load.done;
    console.log(leftAfterWrite, leftAfterRevocation);
    assert.ok(leftAfterRevocation > 0, 'the revocation was answered when the load was done');
  });

  test('a revocation waits for what its own connection sent before, and for nothing after', async () => {
    const scim = scimOf(busy);
    const user = await createUser(scim);
    const before = flood(200, 201, () => scim('POST', '/Users', userBody()));
    const revoked = scim('PATCH', `/Users/${user.id}`, revocation);
    const later = flood(400, 201, () => scim('POST', '/Users', userBody()));
    assert.equal((await revoked).status, 200);
    console.log(before.left(), later.left());
    assert.ok(later.left() > 0, 'the revocation was answered when what came later was done');
    await Promise.all([before.done, later.done]);
  });

  test('as much as it may read, does not take the whole database', async () => {
    const user = await createUser(scimOf(quiet));
    const scans = flood(300, 200, () =>
      scimOf(busy)('GET', `/Users?count=1&${filtered('title co "nobody has this"')}`),
    );
    const scim = scimOf(quiet);
    assert.equal((await scim('GET', `/Users/${user.id}`)).status, 200);
    const leftAfterRead = scans.left();
    assert.equal((await scim('PATCH', `/Users/${user.id}`, revocation)).status, 200);
    const leftAfterRevocation = scans.left();
    await scans.done;
    console.log(leftAfterRead, leftAfterRevocation, mostAtOnce);
    assert.ok(leftAfterRevocation > 0, 'the revocation was answered when the scans were done');
    const most = mostAtOnce.get(busy.id) ?? 0;
    assert.ok(most > 1 && most <= 16, `${most} scans at once`);
  });

  test('and does not read, holds up nobody', async () => {
    const group = await createGroup(scimOf(busy));
    await fillGroup(rollcall, busy, group.id, 60_000);
    const { authorization } = { authorization: `Bearer ${busy.token}` };
    const answers = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const sent = request(`${busy.baseUrl}/Groups/${group.id}`, { headers: { authorization } }).end();
        const [answer] = (await once(sent, 'response')) as [IncomingMessage];
        return answer;
      }),
    );
    const user = await createUser(scimOf(quiet));
    for (const connection of [quiet, busy]) {
      const scim = scimOf(connection);
      assert.equal((await scim('POST', '/Users', userBody())).status, 201);
      assert.equal((await scim('GET', '/Users?count=10')).status, 200);
    }
    assert.equal((await scimOf(quiet)('PATCH', `/Users/${user.id}`, revocation)).status, 200);
    for (const answer of answers) {
      assert.equal(answer.complete, false);
      answer.destroy();
    }
  });
});
