import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ListExchangesRequest } from '#proto/rollcall/directory/v1/exchange_service.ts';
import { startRollcall, type TestRollcall } from '../support/rollcall.ts';
import { scimOf } from '../support/scim-client.ts';
import { createUser } from './scim-fixture.ts';

let rollcall: TestRollcall;
before(async () => { rollcall = await startRollcall(); });
after(() => rollcall[Symbol.asyncDispose]());
test('try', async () => {
  const connection = await rollcall.connect();
  const scim = scimOf(connection);
  const watched: any[] = [];
  const stream = rollcall.directory.exchanges.watchExchanges({ connectionId: connection.id, filter: undefined })[Symbol.asyncIterator]();
  console.log(await stream.next());
  await createUser(scim, {password: 'hunter2', nickName: connection.token});
  console.dir((await stream.next()).value, {depth: 9});
  const r = await scim('GET', `/Users?filter=${encodeURIComponent('password eq "hunter2"')}`);
  console.dir((await stream.next()).value, {depth: 9});
  for await (const part of rollcall.directory.exchanges.listExchanges(ListExchangesRequest.fromPartial({connectionId: connection.id}))) {
    console.log(part.exchanges.length, part.nextPageToken);
    for (const {id} of part.exchanges) console.log((await rollcall.directory.exchanges.getExchange({connectionId: connection.id, id})).exchange);
  }
  await stream.return?.();
});
