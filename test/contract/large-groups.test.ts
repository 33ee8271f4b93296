import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { after, before, suite, test } from 'node:test';
import { fillGroup } from '../support/fill-group.ts';
import { startRollcall, type TestConnection, type TestRollcall } from '../support/rollcall.ts';
import { scimOf } from '../support/scim-client.ts';

const memberCount = 110_000;
const membersPerBatch = 1_000;

let rollcall: TestRollcall;
let connection: TestConnection;
let group: string;
/** Commands that the directory sent to the memberships, by name. */
const commands: string[] = [];
const batches = () => commands.filter((name) => name === 'find' || name === 'getMore').length;

before(async () => {
  rollcall = await startRollcall((event) => {
    if (!('command' in event)) return;
    const { find, getMore, collection } = event.command;
    if (find === 'memberships' || (getMore && collection === 'memberships')) commands.push(event.commandName);
  });
  connection = await rollcall.connect();
  const body = { schemas: ['urn:ietf:params:scim:schemas:core:2.0:Group'], displayName: 'Everyone' };
  group = (await scimOf(connection)('POST', '/Groups', body)).body.id;
  await fillGroup(rollcall, connection, group, memberCount);
});
after(() => rollcall[Symbol.asyncDispose]());

/** The answer to a GET, of which nothing is read yet. */
async function open(path: string): Promise<IncomingMessage> {
  const sent = request(`${connection.baseUrl}${path}`, {
    headers: { authorization: `Bearer ${connection.token}` },
  });
  sent.end();
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  return answer;
}

async function readAll(answer: IncomingMessage) {
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString());
}

suite('a group of 110,000 members', () => {
  test('begins to arrive before its last members are read, and waits for its reader', async () => {
    commands.length = 0;
    const answer = await open(`/Groups/${group}`);
    assert.equal(answer.statusCode, 200);
    // The rest of the members stays in the database until the client has taken what was sent.
    assert.ok(batches() < memberCount / membersPerBatch / 2, `${batches()} batches read`);
    const { members } = await readAll(answer);
    assert.equal(new Set(members.map(({ value }: { value: string }) => value)).size, memberCount);
    assert.ok(batches() >= memberCount / membersPerBatch, `${batches()} batches read`);
  });

  test('without its members, by HEAD, or unchanged, reads no membership (GRP-09, HTTP-21, large-group)', async () => {
    const scim = scimOf(connection);
    commands.length = 0;
    const without = await scim('GET', `/Groups/${group}?excludedAttributes=members`);
    assert.equal(without.body.members, undefined);
    assert.equal(without.body.displayName, 'Everyone');
    const head = await scim('HEAD', `/Groups/${group}`);
    assert.deepEqual([head.status, head.body], [200, undefined]);
    assert.equal(head.headers.get('etag'), without.headers.get('etag'));
    assert.equal((await scim('GET', '/Groups?excludedAttributes=members')).body.totalResults, 1);
    assert.equal(batches(), 0);
  });

  test('is too many for a filter to select by (ERR-06, QRY-07)', async () => {
    const scim = scimOf(connection);
    for (const filter of [`groups eq "${group}"`, `title pr and groups.value eq "${group}"`]) {
      const answer = await scim('GET', `/Users?filter=${encodeURIComponent(filter)}`);
      assert.deepEqual([answer.status, answer.body.scimType], [400, 'tooMany']);
      assert.match(answer.body.detail, /100000/);
    }
  });

  test('lets go of the database when its reader goes away', async () => {
    commands.length = 0;
    const answer = await open(`/Groups/${group}`);
    const [first] = (await once(answer, 'data')) as [Buffer];
    assert.match(first.toString(), /"displayName":"Everyone"/);
    answer.destroy();
    // Whatever else is asked is answered, and by then nobody reads on.
    for (let i = 0; i < 20; i++)
      await scimOf(connection)('GET', `/Groups/${group}?excludedAttributes=members`);
    const read = batches();
    assert.ok(read < memberCount / membersPerBatch, `${read} batches read`);
  });

  test('arrives the same way in a list', async () => {
    commands.length = 0;
    const answer = await open('/Groups?count=10');
    assert.ok(batches() < memberCount / membersPerBatch / 2, `${batches()} batches read`);
    const [first] = (await once(answer, 'data')) as [Buffer];
    assert.match(
      first.toString(),
      /"totalResults":1,"itemsPerPage":1,.*"displayName":"Everyone".*"members":\[\{/,
    );
    answer.destroy();
  });
});
