import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { openDirectoryChannel } from '#rpc/directory-channel.ts';
import { installSecantusDb } from '#runtime/secantusdb-install.ts';
import { holdingsAsLogged } from '../support/change-log.ts';
import { checkStored } from '../support/check-stored.ts';
import { driveConnection } from '../support/connection-driver.ts';
import { testInstallDir } from '../support/database.ts';
import { directoryClients } from '../support/directory.ts';
import { newDataFolder, startProcess, startProduct } from '../support/product-process.ts';
import { scimOf } from '../support/scim-client.ts';

const schemas = ['urn:ietf:params:scim:schemas:core:2.0:User'];

/** A database server that the product does not start, on a port that it keeps when it is started again. */
async function startServer(folder: string, wanted = '0') {
  const program = await installSecantusDb(testInstallDir);
  const storage = join(folder, 'server');
  const server = startProcess(
    program,
    ['--host', '127.0.0.1', '--port', wanted, '--storage-path', storage, '--sync-on-commit'],
    {},
  );
  const [, port = ''] = await server.printed(/listening on 127\.0\.0\.1:(\d+)/);
  return { ...server, port };
}

test('when the database is back on its address, the product goes on by itself and has lost and doubled nothing', async () => {
  await using folder = await newDataFolder();
  await using first = await startServer(folder.path);
  const uri = `mongodb://127.0.0.1:${first.port}/away?directConnection=true&retryWrites=false`;
  await using product = await startProduct(folder.path, undefined, { ROLLCALL_MONGODB_URI: uri });
  const scim = scimOf(product);
  const answered: string[] = [];
  const underWay = Promise.withResolvers<void>();
  /** Creates users, all through the outage; gives its worst answer. */
  async function work(name: string): Promise<number> {
    let worst = 0;
    for (let round = 0; round < 30; round++) {
      const { status, body } = await scim('POST', '/Users', { schemas, userName: `${name}-${round}` });
      if (status === 201) answered.push(body.id);
      if (answered.length === 60) underWay.resolve();
      worst = Math.max(worst, status);
    }
    return worst;
  }
  const clients = Array.from({ length: 8 }, (_, index) => work(`user-${index}`));
  await underWay.promise;
  await first.end('SIGKILL');
  await using _second = await startServer(folder.path, first.port);
  for (const worst of await Promise.all(clients)) assert.ok(worst === 201 || worst === 503, String(worst));
  const last = await scim('POST', '/Users', { schemas, userName: 'last' });
  assert.equal(last.status, 201);

  using channel = await openDirectoryChannel(
    { ROLLCALL_DATA_DIR: folder.path, ROLLCALL_DIRECTORY_ADDRESS: product.directoryAddress },
    'admin',
    { timeoutMs: 30_000 },
  );
  const held = await holdingsAsLogged(driveConnection(directoryClients(channel), product.connectionId));
  await checkStored(uri, product.connectionId, held);
  for (const id of [...answered, last.body.id]) assert.ok(held.users.has(id), id);
  assert.equal(await product.end('SIGTERM'), 0);
});
