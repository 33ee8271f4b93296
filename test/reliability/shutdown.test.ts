import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openDirectoryChannel } from '#rpc/directory-channel.ts';
import { holdingsAsLogged } from '../support/change-log.ts';
import { checkStored } from '../support/check-stored.ts';
import { driveConnection } from '../support/connection-driver.ts';
import { directoryClients } from '../support/directory.ts';
import { databaseUri, newDataFolder, startProduct } from '../support/product-process.ts';
import { type ScimClient, scimOf } from '../support/scim-client.ts';

const schemas = ['urn:ietf:params:scim:schemas:core:2.0:User'];

/** Creates users until nobody answers; gives the names of those that were answered as created. */
async function createUntilStopped(scim: ScimClient, name: string, onCreated: () => void): Promise<string[]> {
  const created: string[] = [];
  for (let round = 0; ; round++) {
    const userName = `${name}-${round}`;
    let answer: Awaited<ReturnType<ScimClient>>;
    try {
      answer = await scim('POST', '/Users', { schemas, userName });
    } catch (error) {
      // Nothing listens any more. An answer that is not whole JSON is another kind of error.
      assert.ok(error instanceof TypeError && error.message === 'fetch failed', String(error));
      return created;
    }
    const { status, headers, body } = answer;
    if (status === 201) {
      created.push(userName);
      onCreated();
      continue;
    }
    assert.equal(status, 503);
    assert.match(headers.get('content-type') ?? '', /^application\/scim\+json/);
    assert.deepEqual(body.schemas, ['urn:ietf:params:scim:api:messages:2.0:Error']);
    return created;
  }
}

test('SIGTERM in mid-write: what was answered is there, and nothing was written that was not answered', async () => {
  await using folder = await newDataFolder();
  const answered: string[] = [];
  for (const life of ['first', 'second']) {
    await using product = await startProduct(folder.path);
    const scim = scimOf(product);
    const underWay = Promise.withResolvers<void>();
    let count = 0;
    const clients = Array.from({ length: 16 }, (_, index) =>
      createUntilStopped(scim, `${life}-${index}`, () => {
        if (++count === 100) underWay.resolve();
      }),
    );
    await underWay.promise;
    assert.equal(await product.end('SIGTERM'), 0);
    answered.push(...(await Promise.all(clients)).flat());
  }

  await using product = await startProduct(folder.path);
  using channel = await openDirectoryChannel(
    { ROLLCALL_DATA_DIR: folder.path, ROLLCALL_DIRECTORY_ADDRESS: product.directoryAddress },
    'admin',
    { timeoutMs: 30_000 },
  );
  const driver = driveConnection(directoryClients(channel), product.connectionId);
  await checkStored(databaseUri(product), product.connectionId, await holdingsAsLogged(driver));
  const scim = scimOf(product);
  const stored: string[] = [];
  for (;;) {
    const { body } = await scim(
      'GET',
      `/Users?startIndex=${stored.length + 1}&count=1000&attributes=userName`,
    );
    if (!body.Resources?.length) break;
    stored.push(...body.Resources.map(({ userName }: { userName: string }) => userName));
  }
  assert.deepEqual(stored.sort(), answered.sort());
  assert.equal(await product.end('SIGTERM'), 0);
});
