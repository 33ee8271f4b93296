import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { CreateTokenRequest } from '#proto/rollcall/directory/v1/connection_service.ts';
import { startRollcall } from '../support/rollcall.ts';
import { scimOf } from '../support/scim-client.ts';
import { createUser } from './scim-fixture.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());

suite('two walks by index of the same list', () => {
  test('with two tokens do not get in each other’s way (PAG-12)', async () => {
    const connection = await rollcall.connect();
    const { secret } = await rollcall.directory.connections.createToken(
      CreateTokenRequest.fromPartial({ connectionId: connection.id, label: 'second' }),
    );
    const first = scimOf(connection);
    const second = scimOf({ ...connection, token: secret });
    const gone = await createUser(first, { userName: 'a' });
    for (const userName of ['b', 'c', 'd', 'e']) await createUser(first, { userName });
    const page = async (scim: typeof first, startIndex: number) =>
      (await scim('GET', `/Users?startIndex=${startIndex}&count=2`)).body.Resources.map(
        ({ userName }: { userName: string }) => userName,
      );

    assert.deepEqual(await page(first, 1), ['a', 'b']);
    await first('DELETE', `/Users/${gone.id}`);
    // Nobody has passed two users with the second token: its third is the third of those there are.
    assert.deepEqual(await page(second, 3), ['d', 'e']);
    assert.deepEqual(await page(first, 3), ['c', 'd']);
  });
});
