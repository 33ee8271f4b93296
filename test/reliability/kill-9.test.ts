import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openDirectoryChannel } from '#rpc/directory-channel.ts';
import { holdingsAsLogged } from '../support/change-log.ts';
import { checkStored } from '../support/check-stored.ts';
import { driveConnection } from '../support/connection-driver.ts';
import { directoryClients } from '../support/directory.ts';
import {
  databaseUri,
  newDataFolder,
  type Product,
  serverPid,
  startProduct,
} from '../support/product-process.ts';
import { type ScimAnswer, type ScimClient, scimOf } from '../support/scim-client.ts';

const userSchemas = ['urn:ietf:params:scim:schemas:core:2.0:User'];
const groupSchemas = ['urn:ietf:params:scim:schemas:core:2.0:Group'];
const patch = (operation: unknown) => ({
  schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
  Operations: [operation],
});

/** What was answered to the clients of one life of the product. */
interface Acknowledged {
  /** The title that each user was last answered to have; '' for one that was only created. */
  readonly titles: Map<string, string>;
  /** Titles that were asked for and not answered. */
  readonly asked: Map<string, string>;
  /** Users that were answered to be members. */
  readonly members: Set<string>;
  /** Users that were answered to be deleted, and those that may be. */
  readonly deleted: Set<string>;
  readonly mayBeDeleted: Set<string>;
}

/** Fails unless the answer has a status. With 503 the product says that it is dying. */
function expectStatus(answer: ScimAnswer, status: number): ScimAnswer {
  if (answer.status === 503) throw new Error('unavailable');
  assert.equal(answer.status, status);
  return answer;
}

/** One client's writes, until the product dies. */
async function work(
  scim: ScimClient,
  group: string,
  name: string,
  acknowledged: Acknowledged,
): Promise<void> {
  for (let round = 0; ; round++) {
    const user = { schemas: userSchemas, userName: `${name}-${round}` };
    const created = expectStatus(await scim('POST', '/Users', user), 201);
    const id: string = created.body.id;
    acknowledged.titles.set(id, '');
    const value = [{ value: id }];
    const membership = patch({ op: 'add', path: 'members', value });
    expectStatus(await scim('PATCH', `/Groups/${group}`, membership), 204);
    acknowledged.members.add(id);
    const title = `title ${round}`;
    acknowledged.asked.set(id, title);
    const titled = patch({ op: 'add', path: 'title', value: title });
    expectStatus(await scim('PATCH', `/Users/${id}`, titled), 200);
    acknowledged.titles.set(id, title);
    if (round % 4 !== 3) continue;
    acknowledged.mayBeDeleted.add(id);
    expectStatus(await scim('DELETE', `/Users/${id}`), 204);
    acknowledged.deleted.add(id);
  }
}

/** Kills every process of the product at once, as a machine that loses power does. */
async function killTree(product: Product, dataDir: string): Promise<void> {
  process.kill(await serverPid(dataDir), 'SIGKILL');
  await product.end('SIGKILL');
}

test('whatever is killed in mid-write, every acknowledged write is there and none is half there', async () => {
  await using folder = await newDataFolder();
  const acknowledged: Acknowledged = {
    titles: new Map(),
    asked: new Map(),
    members: new Set(),
    deleted: new Set(),
    mayBeDeleted: new Set(),
  };
  let group = '';
  for (let life = 1; life <= 3; life++) {
    await using product = await startProduct(folder.path);
    const scim = scimOf(product);
    if (group === '') {
      group = (await scim('POST', '/Groups', { schemas: groupSchemas, displayName: 'all' })).body.id;
    }
    const clients = Array.from({ length: 12 }, (_, index) =>
      // What ends a client is that nobody answers any more.
      work(scim, group, `life-${life}-${index}`, acknowledged).catch((error: unknown) => {
        if (error instanceof assert.AssertionError) throw error;
      }),
    );
    const enough = acknowledged.members.size + 60;
    while (acknowledged.members.size < enough) await scim('GET', '/Users?count=0');
    await killTree(product, folder.path);
    await Promise.all(clients);
  }

  await using product = await startProduct(folder.path);
  using channel = await openDirectoryChannel(
    { ROLLCALL_DATA_DIR: folder.path, ROLLCALL_DIRECTORY_ADDRESS: product.directoryAddress },
    'admin',
    { timeoutMs: 30_000 },
  );
  const driver = driveConnection(directoryClients(channel), product.connectionId);
  // Documents, memberships, counts and log agree to the last record: nothing is half there.
  const held = await holdingsAsLogged(driver);
  await checkStored(databaseUri(product), product.connectionId, held);

  const { users } = await driver.listUsers({ page: { pageSize: 1_000 } });
  const titleOf = new Map(users.map(({ id = '', title = '' }) => [id, title]));
  assert.ok(titleOf.size > 50 && titleOf.size < 1_000, `${titleOf.size} users`);
  for (const [id, title] of acknowledged.titles) {
    if (acknowledged.deleted.has(id)) assert.ok(!titleOf.has(id), id);
    else if (titleOf.has(id)) assert.ok([title, acknowledged.asked.get(id)].includes(titleOf.get(id)), id);
    else assert.ok(acknowledged.mayBeDeleted.has(id), id);
  }
  for (const id of acknowledged.members) {
    assert.equal(held.groups.get(group)?.members.has(id), titleOf.has(id), id);
  }
  assert.equal(await product.end('SIGTERM'), 0);
});
