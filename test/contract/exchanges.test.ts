import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { MongoClient } from 'mongodb';
import { v7 as newUuid } from 'uuid';
import {
  CreateConnectionRequest,
  GetConnectionRequest,
  SetTrustedIssuerRequest,
} from '#proto/rollcall/directory/v1/connection_service.ts';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import {
  Exchange,
  ExchangeFilter,
  ExchangeServiceService,
  ListExchangesRequest,
} from '#proto/rollcall/directory/v1/exchange_service.ts';
import { openDirectoryChannel } from '#rpc/directory-channel.ts';
import { createRpcClient } from '#rpc/rpc-client.ts';
import { refused } from '../support/connection-driver.ts';
import { startTestDirectory } from '../support/directory.ts';
import { watchExchanges } from '../support/exchange-watch.ts';

const minute = 60_000;
const day = 24 * 60 * minute;
let directory: Awaited<ReturnType<typeof startTestDirectory>>;
let mongo: MongoClient;
before(async () => {
  directory = await startTestDirectory();
  mongo = new MongoClient(directory.uri);
});
after(async () => {
  await mongo.close();
  await directory[Symbol.asyncDispose]();
});

/** A new connection's id. */
async function connect(): Promise<string> {
  const request = CreateConnectionRequest.fromPartial({ name: 'test' });
  const { connection } = await directory.clients.connections.createConnection(request);
  return connection?.id ?? '';
}

/** An exchange that arrived so many milliseconds ago. */
function exchange(connectionId: string, ago = 0, fields: Partial<Exchange> = {}): Exchange {
  const id = newUuid({ msecs: Date.now() - ago });
  return Exchange.fromPartial({ id, connectionId, method: 'GET', path: '/Users', status: 200, ...fields });
}

async function record(...exchanges: readonly Exchange[]): Promise<void> {
  await directory.clients.exchanges.recordExchanges({ exchanges: [...exchanges] });
}

interface Asked {
  readonly filter?: Partial<ExchangeFilter>;
  readonly pageSize?: number;
  readonly pageToken?: string;
}

async function list(connectionId: string, { filter = {}, ...page }: Asked = {}) {
  const request = ListExchangesRequest.fromPartial({
    connectionId,
    filter: ExchangeFilter.fromPartial(filter),
    ...page,
  });
  const found: Exchange[] = [];
  let next = '';
  for await (const part of directory.clients.exchanges.listExchanges(request)) {
    found.push(...part.exchanges);
    next = part.nextPageToken;
  }
  return { found, ids: found.map(({ id }) => id), next };
}

const whole = (connectionId: string): Exchange =>
  exchange(connectionId, 5_000, {
    requestId: 'r1',
    tokenId: 't1',
    method: 'PATCH',
    path: '/Users/1?attributes=id',
    baseUrl: 'https://scim.example.com/scim/x/v2',
    headers: { 'content-type': 'application/scim+json' },
    status: 400,
    durationMs: 7,
    requestBody: '{"a":1}',
    requestCut: true,
    responseBody: '{"b":2}',
    responseCut: true,
    brokenOff: true,
    repairs: ['textBooleans'],
    ignored: ['shoeSize'],
    masked: ['password'],
    errorDetail: 'No.',
    scimType: 'invalidValue',
    position: 3,
    resourceType: 'User',
    resourceId: '1',
    users: ['ada@example.com'],
  });

suite('the sync log', () => {
  test('gives back what was recorded, lists it without bodies, and keeps what is there already', async () => {
    const acme = await connect();
    const sent = whole(acme);
    await record(sent);
    const { found } = await list(acme);
    const time = found[0]?.time;
    assert.equal(time?.getTime(), Number.parseInt(sent.id.replace('-', '').slice(0, 12), 16));
    assert.deepEqual(found, [{ ...sent, time, requestBody: '', responseBody: '' }]);
    // As after an answer that got lost: the second is new, the first is not.
    const other = exchange(acme);
    await record({ ...sent, status: 200 }, other);
    const { ids } = await list(acme);
    assert.deepEqual(ids, [other.id, sent.id]);
    const { exchange: kept } = await directory.clients.exchanges.getExchange({
      connectionId: acme,
      id: sent.id,
    });
    assert.deepEqual(kept, { ...sent, time });
  });

  test('is listed newest first in pages, whatever the order in which it was recorded', async () => {
    const acme = await connect();
    const ages = [0, 1, 1, 1, 2 * minute, 3 * minute, 20 * minute, day, 13 * day, 13.5 * day];
    const exchanges = ages.map((ago) => exchange(acme, ago));
    await record(...exchanges.toReversed());
    const expected = exchanges
      .map(({ id }) => id)
      .sort()
      .reverse();
    assert.deepEqual((await list(acme)).ids, expected);
    const walked: string[] = [];
    let pageToken = '';
    do {
      const page = await list(acme, { pageSize: 3, pageToken });
      assert.ok(page.ids.length <= 3);
      walked.push(...page.ids);
      pageToken = page.next;
    } while (pageToken !== '');
    assert.deepEqual(walked, expected);
  });

  test('is filtered by failure, user and time', async () => {
    const acme = await connect();
    const fine = exchange(acme, 10 * minute, { users: ['id-of-ada', 'ada@example.com'] });
    const failed = exchange(acme, 5 * minute, { status: 409, users: ['bob@example.com'] });
    const brokenOff = exchange(acme, minute, { brokenOff: true, users: ['id-of-ada'] });
    await record(fine, failed, brokenOff);
    const ids = async (filter: Partial<ExchangeFilter>) => (await list(acme, { filter })).ids;
    assert.deepEqual(await ids({ failed: true }), [brokenOff.id, failed.id]);
    assert.deepEqual(await ids({ users: ['ADA@example.com'] }), [fine.id]);
    assert.deepEqual(await ids({ users: ['id-of-ada', 'bob@example.com'], failed: true }), [
      brokenOff.id,
      failed.id,
    ]);
    assert.deepEqual(await ids({ users: ['nobody'] }), []);
    const at = (ago: number) => new Date(Date.now() - ago);
    assert.deepEqual(await ids({ since: at(6 * minute) }), [brokenOff.id, failed.id]);
    assert.deepEqual(await ids({ until: at(2 * minute) }), [failed.id, fine.id]);
    assert.deepEqual(await ids({ since: at(6 * minute), until: at(2 * minute) }), [failed.id]);
  });

  test('belongs to its connection', async () => {
    const [acme, other] = [await connect(), await connect()];
    await using watch = await watchExchanges(directory.clients, other);
    const [ours, theirs] = [exchange(acme), exchange(other)];
    await record(ours, theirs);
    assert.equal((await watch.next()).id, theirs.id);
    assert.deepEqual((await list(acme)).ids, [ours.id]);
    assert.deepEqual((await list(other)).ids, [theirs.id]);
    const get = directory.clients.exchanges.getExchange({ connectionId: other, id: ours.id });
    await refused(get, ErrorReason.EXCHANGE_NOT_FOUND, { exchange: ours.id });
    await record(exchange(acme, 1));
    const { next } = await list(acme, { pageSize: 1 });
    assert.notEqual(next, '');
    await refused(list(other, { pageSize: 1, pageToken: next }), ErrorReason.PAGE_TOKEN_INVALID, {});
    const changed = list(acme, { pageSize: 1, pageToken: next, filter: { failed: true } });
    await refused(changed, ErrorReason.PAGE_TOKEN_INVALID, {});
  });

  test('tells who watches what is recorded from then on, as asked', async () => {
    const acme = await connect();
    await record(exchange(acme, 10, { status: 500 }));
    await using watch = await watchExchanges(directory.clients, acme, { failed: true });
    await record(exchange(acme));
    const first = exchange(acme, 5_000, { status: 404, responseBody: '{}' });
    await record(first);
    const second = exchange(acme, 0, { status: 400 });
    await record(second);
    const told = [await watch.next(), await watch.next()];
    assert.deepEqual(
      told.map(({ id }) => id),
      [first.id, second.id],
    );
  });

  test('is told across directories', async () => {
    const acme = await connect();
    await using elsewhere = await startTestDirectory(directory.uri);
    await using watch = await watchExchanges(elsewhere.clients, acme);
    const sent = exchange(acme);
    await record(sent);
    assert.equal((await watch.next()).id, sent.id);
  });

  test('says when signed tokens were last used, to the minute, since their issuer is trusted', async () => {
    const [acme, other] = [await connect(), await connect()];
    const issuer = {
      issuer: 'https://idp.example.com/',
      audience: 'rollcall',
      jwksUri: 'https://idp.example.com/keys',
    };
    const trust = async (connectionId: string) => {
      const request = SetTrustedIssuerRequest.fromPartial({ connectionId, issuer });
      await directory.clients.connections.setTrustedIssuer(request);
    };
    const lastUsed = async (connectionId = acme) => {
      const request = GetConnectionRequest.fromPartial({ connectionId });
      const { connection } = await directory.clients.connections.getConnection(request);
      return connection?.trustedIssuer?.lastUsed;
    };
    for (const each of [acme, other]) await trust(each);
    const used = (ago: number) => exchange(acme, ago, { tokenId: 'jwt_0123456789abcdef' });
    const timeOf = async ({ id }: Exchange) =>
      (await directory.clients.exchanges.getExchange({ connectionId: acme, id })).exchange?.time;
    await record(exchange(acme, 9 * minute, { tokenId: 't1' }), exchange(acme, 9 * minute));
    assert.equal(await lastUsed(), undefined);
    const [first, second] = [used(9 * minute), used(8.5 * minute)];
    await record(second, exchange(other), first);
    assert.deepEqual(await lastUsed(), await timeOf(second));
    const third = used(5 * minute);
    for (const late of [used(8 * minute), third, used(4.5 * minute), used(day)]) await record(late);
    assert.deepEqual(await lastUsed(), await timeOf(third));
    assert.equal(await lastUsed(other), undefined);
    // A gateway whose clock goes before ours does not make it later than now.
    const begin = new Date();
    await record(used(-minute));
    const now = (await lastUsed()) ?? new Date(0);
    assert.ok(now >= begin && now <= new Date());
    await trust(acme);
    assert.equal(await lastUsed(), undefined);
  });

  test('ends a watch when the directory stops', async () => {
    const acme = await connect();
    const stopping = await startTestDirectory(directory.uri);
    await using watch = await watchExchanges(stopping.clients, acme);
    const ended = assert.rejects(watch.next(), /the watch ended/);
    await stopping[Symbol.asyncDispose]();
    await ended;
  });

  test('expires after 14 days: the database removes what is old by itself', async () => {
    const acme = await connect();
    const begin = Date.now();
    await record(exchange(acme));
    const collection = mongo.db().collection('exchanges');
    const stored = await collection.findOne({ connection: acme });
    const expire: Date = stored?.expire;
    assert.ok(expire >= new Date(begin + 14 * day) && expire <= new Date(Date.now() + 14 * day));
    const indexes = await collection.indexes();
    const ttl = indexes.find(({ expireAfterSeconds }) => expireAfterSeconds !== undefined);
    assert.deepEqual([ttl?.key, ttl?.expireAfterSeconds], [{ expire: 1 }, 0]);
    assert.ok(indexes.some(({ key }) => Object.keys(key).join() === 'connection,time'));
  });

  test('goes with its connection, and none is added to one that is not there', async () => {
    const [acme, other] = [await connect(), await connect()];
    await record(...Array.from({ length: 30 }, () => exchange(acme)), exchange(other));
    await directory.clients.connections.deleteConnection({ connectionId: acme });
    await refused(list(acme), ErrorReason.CONNECTION_NOT_FOUND, { connection: acme });
    const late = exchange(other);
    await record(exchange(acme), exchange('aaaaaaaaaaaaaaaa'), late);
    const collection = mongo.db().collection('exchanges');
    while ((await collection.countDocuments({ connection: acme })) > 0);
    assert.equal(await collection.countDocuments({ connection: 'aaaaaaaaaaaaaaaa' }), 0);
    assert.equal((await list(other)).ids.length, 2);
  });

  test('refuses what is malformed or too large', async () => {
    const acme = await connect();
    const long = (bytes: number) => 'x'.repeat(bytes + 1);
    const wrong: readonly [string, Partial<Exchange>][] = [
      ['id', { id: 'nonsense' }],
      ['connection_id', { connectionId: 'a/b' }],
      ['request_body', { requestBody: long(16 * 1_024) }],
      ['response_body', { responseBody: long(16 * 1_024) }],
      ['path', { path: long(8 * 1_024) }],
      ['headers', { headers: { authorization: 'Bearer x' } }],
      ['users', { users: Array.from({ length: 101 }, String) }],
      ['ignored', { ignored: [long(256)] }],
    ];
    for (const [field, fields] of wrong) {
      const metadata = { field: `exchanges.${field}` };
      await refused(record(exchange(acme), exchange(acme, 0, fields)), ErrorReason.REQUEST_INVALID, metadata);
    }
    assert.deepEqual((await list(acme)).ids, []);
    await refused(list(acme, { pageSize: 1_001 }), ErrorReason.REQUEST_INVALID, { field: 'page_size' });
    const users = Array.from({ length: 11 }, String);
    const tooMany = list(acme, { filter: { users } });
    await refused(tooMany, ErrorReason.REQUEST_INVALID, { field: 'filter.users' });
    const unknown = watchExchanges(directory.clients, 'aaaaaaaaaaaaaaaa');
    await refused(unknown, ErrorReason.CONNECTION_NOT_FOUND, { connection: 'aaaaaaaaaaaaaaaa' });
  });

  test('is written by gateways and read by operators alone', async () => {
    const acme = await connect();
    const config = { ROLLCALL_DATA_DIR: directory.dataDir, ROLLCALL_DIRECTORY_ADDRESS: directory.address };
    const as = async (role: 'gateway' | 'access') =>
      openDirectoryChannel(config, role, { timeoutMs: 30_000 });
    using gateway = await as('gateway');
    using access = await as('access');
    const sent = exchange(acme);
    await createRpcClient(ExchangeServiceService, gateway).recordExchanges({ exchanges: [sent] });
    assert.deepEqual((await list(acme)).ids, [sent.id]);
    for (const [role, channel] of [
      ['gateway', gateway],
      ['access', access],
    ] as const) {
      const { getExchange, recordExchanges } = createRpcClient(ExchangeServiceService, channel);
      const { path: method } = ExchangeServiceService.getExchange;
      const got = getExchange({ connectionId: acme, id: sent.id });
      await refused(got, ErrorReason.CALLER_FORBIDDEN, { role, method });
      if (role === 'gateway') continue;
      const { path } = ExchangeServiceService.recordExchanges;
      const recorded = recordExchanges({ exchanges: [sent] });
      await refused(recorded, ErrorReason.CALLER_FORBIDDEN, { role, method: path });
    }
  });
});
