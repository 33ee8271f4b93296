import assert from 'node:assert/strict';
import { CreateTokenRequest, GetConnectionRequest } from '#proto/rollcall/directory/v1/connection_service.ts';
import { createGroup, createUser } from '../scim/scim-fixture.ts';
import type { TestConnection, TestRollcall } from '../support/rollcall.ts';
import { scimOf } from '../support/scim-client.ts';
import { checkAnswer } from './check-answer.ts';
import { createSender, type FuzzAnswer, type FuzzRequest } from './fuzz-request.ts';
import type { placeholders } from './valid-scim.ts';

/** A connection that is fuzzed. */
export interface FuzzTarget {
  /** The connection. */
  readonly connection: TestConnection;
  /** Sends a request and checks its answer, that the server lives on, and that a refusal changed nothing. */
  check(request: FuzzRequest): Promise<void>;
  /** Checks that the server answers a plain read as before. */
  checkAlive(): Promise<void>;
  /** Paths to further pages of lists, by cursor. */
  nextPages(): Promise<readonly string[]>;
}

/** Makes a connection with users and a group in it, driven on behalf of the first user: `/Me` is that one. */
export async function createFuzzTarget(rollcall: TestRollcall, strict: boolean): Promise<FuzzTarget> {
  const connection = await rollcall.connect({ strict });
  const scim = scimOf(connection);
  const alive = await createUser(scim);
  const user = await createUser(scim, { emails: [{ value: 'a', type: 'work', primary: true }] });
  const other = await createUser(scim);
  const group = await createGroup(scim, { members: [{ value: user.id }] });
  const ids = { user: user.id, other: other.id, group: group.id };
  const ofUser = await rollcall.directory.connections.createToken(
    CreateTokenRequest.fromPartial({ connectionId: connection.id, label: 'fuzz', userId: user.id }),
  );
  const send = createSender({ ...connection, token: ofUser.secret });

  const position = async () => {
    const request = GetConnectionRequest.fromPartial({ connectionId: connection.id });
    const { connection: found } = await rollcall.directory.connections.getConnection(request);
    assert.ok(found);
    return found.position;
  };

  async function checkAlive(): Promise<void> {
    const { status, body } = await scim('GET', `/Users/${alive.id}`);
    assert.deepEqual([status, body], [200, alive], 'it answers a plain read as before');
  }

  return {
    connection,
    checkAlive,
    async nextPages() {
      const pages = ['/Users?count=1', '/Users?count=2&sortBy=userName', '?count=1&filter=id+pr'];
      const answers = await Promise.all(pages.map((path) => scim('GET', `${path}&cursor`)));
      return answers.map(({ body }, index) => {
        assert.ok(body.nextCursor, 'there is a further page');
        return `${pages[index]}&cursor=${body.nextCursor}`;
      });
    },
    async check(request) {
      const before = await position();
      const answer = await send(withIds(request, ids));
      const effect = checkAnswer(request, answer);
      if (effect === 'refused') assert.equal(await position(), before, 'what is refused changes nothing');
      else await checkStored(request, answer);
      await checkAlive();
    },
  };

  /** What a write answers is what is read afterwards. */
  async function checkStored(
    { method, path, headers }: FuzzRequest,
    { status, body }: FuzzAnswer,
  ): Promise<void> {
    const isWrite = status === 201 || (status === 200 && (method === 'PUT' || method === 'PATCH'));
    // Locations in an answer follow from the Host of its request.
    if (!isWrite || /[?]|Bulk|search/i.test(path) || headers !== undefined) return;
    const { id, meta } = body as { id: string; meta: { resourceType: string } };
    const read = await scim('GET', `/${meta.resourceType}s/${id}`);
    assert.deepEqual([read.status, read.body], [200, body], 'what was written is read');
  }
}

function withIds(
  request: FuzzRequest,
  ids: Readonly<Record<keyof typeof placeholders, string>>,
): FuzzRequest {
  const fill = (text: string) =>
    text.replace(/~(user|other|group)~/g, (_, name: keyof typeof placeholders) => ids[name]);
  const { body } = request;
  return { ...request, path: fill(request.path), body: typeof body === 'string' ? fill(body) : body };
}
