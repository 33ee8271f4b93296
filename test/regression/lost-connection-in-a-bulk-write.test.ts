import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { test } from 'node:test';
import { MongoBulkWriteError, MongoClient } from 'mongodb';
import { isUnavailable } from '../../services/directory/mongo/database-error.ts';
import { ownDatabase } from '../support/directory.ts';

/** A way to a database on which every connection breaks once it is to carry an insert. */
async function startBreakingWay(uri: string): Promise<{ readonly uri: string } & AsyncDisposable> {
  const { hostname, port } = new URL(uri);
  const server = createServer((client) => {
    const database = connect(Number(port), hostname);
    database.on('error', () => client.destroy()).pipe(client);
    client.on('error', () => database.destroy()).on('close', () => database.destroy());
    client.on('data', (part) => {
      if (part.includes('insert')) client.destroy();
      else database.write(part);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const through = new URL(uri);
  through.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  // Otherwise a replica set would name the way past this one.
  through.searchParams.set('directConnection', 'true');
  return {
    uri: through.href,
    async [Symbol.asyncDispose]() {
      server.close();
      await once(server, 'close');
    },
  };
}

/*
 * The driver wraps whatever ends an insertMany or bulkWrite in a MongoBulkWriteError. A connection lost within one was
 * taken for a fault of the directory and answered with 500 instead of being tried again.
 */
test('a bulk write that loses its connection is told from one that the database refuses', async () => {
  const uri = await ownDatabase();
  const documents = [{ name: 'ada' }, { name: 'bob' }];
  await using way = await startBreakingWay(uri);
  await using broken = new MongoClient(way.uri, { retryWrites: false });
  const lost = await broken
    .db()
    .collection('users')
    .insertMany(documents)
    .catch((error: unknown) => error);
  assert.ok(lost instanceof MongoBulkWriteError, String(lost));
  assert.ok(isUnavailable(lost));

  await using client = new MongoClient(uri, { retryWrites: false });
  const users = client.db().collection('users');
  await users.insertMany(documents);
  const taken = await users.insertMany(documents).catch((error: unknown) => error);
  assert.ok(taken instanceof MongoBulkWriteError, String(taken));
  assert.ok(!isUnavailable(taken));
});
