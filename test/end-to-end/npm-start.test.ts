import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createRollcall } from '../../services/access/client.ts';
import {
  newDataFolder,
  projectRoot,
  serverPid,
  startProcess,
  startProduct,
} from '../support/product-process.ts';
import { runCommand } from '../support/run-command.ts';
import { scimOf } from '../support/scim-client.ts';

const userSchema = 'urn:ietf:params:scim:schemas:core:2.0:User';
const groupSchema = 'urn:ietf:params:scim:schemas:core:2.0:Group';

test('npm start serves an identity provider and another service, stops on SIGTERM, and finds everything again', async () => {
  await using folder = await newDataFolder();
  let userId: string;
  let groupId: string;
  let serviceToken: string;
  let first: { readonly connectionId: string; readonly token: string };
  {
    await using product = await startProduct(folder.path, ['npm', 'start']);
    first = product;

    const curls = [...product.output().matchAll(/^ +(curl .*)$/gm)].map(([, command = '']) => command);
    assert.equal(curls.length, 2);
    for (const curl of curls) {
      const { code, stdout } = await runCommand('sh', ['-c', curl]);
      assert.equal(code, 0);
      assert.match(stdout, /"userName":"ada@example\.com"/);
    }

    const scim = scimOf(product);
    const found = await scim('GET', '/Users?filter=userName+eq+%22ADA@example.com%22');
    assert.equal(found.body.totalResults, 1);
    userId = found.body.Resources[0].id;
    const group = await scim('POST', '/Groups', {
      schemas: [groupSchema],
      displayName: 'Engineering',
      members: [{ value: userId }],
    });
    assert.equal(group.status, 201);
    groupId = group.body.id;

    const { stdout } = await runCommand(
      join(projectRoot, 'bin', 'rollcall'),
      ['service-tokens', 'create', '--connection', product.connectionId, '--label', 'billing', '--json'],
      {
        cwd: projectRoot,
        env: {
          ...process.env,
          ROLLCALL_DATA_DIR: folder.path,
          ROLLCALL_DIRECTORY_ADDRESS: product.directoryAddress,
        },
      },
    );
    serviceToken = JSON.parse(stdout).token;
    const rollcall = createRollcall({ url: product.accessUrl, token: serviceToken });
    const question = { connection: product.connectionId, user: userId, group: groupId };
    assert.equal((await rollcall.memberships.check.query(question)).member, true);

    const database = await serverPid(folder.path);
    assert.equal(await product.end('SIGTERM'), 0);
    await assert.rejects(scim('GET', '/Users'), 'nothing listens any more');
    assert.throws(() => process.kill(database, 0), { code: 'ESRCH' }, 'its database has ended with it');
  }
  {
    await using product = await startProduct(folder.path, ['npm', 'start']);
    assert.equal(product.connectionId, first.connectionId);
    assert.equal(product.token, first.token);
    const scim = scimOf(product);
    const user = await scim('GET', `/Users/${userId}`);
    assert.equal(user.body.userName, 'ada@example.com');
    assert.deepEqual(
      user.body.groups.map(({ value, display }: { value: string; display: string }) => [value, display]),
      [[groupId, 'Engineering']],
    );
    const again = await scim('POST', '/Users', { schemas: [userSchema], userName: 'ADA@example.com' });
    assert.equal(again.status, 409);
    const rollcall = createRollcall({ url: product.accessUrl, token: serviceToken });
    const question = { connection: product.connectionId, user: userId, group: groupId };
    assert.equal((await rollcall.memberships.check.query({ ...question, fresh: true })).member, true);
    assert.equal(await product.end('SIGINT'), 0);
  }
});

test('a wrong setting is one line and exit code 2', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'rollcall-test-setting-'));
  await using product = startProcess(process.execPath, ['services/start-all.ts'], {
    ROLLCALL_DATA_DIR: folder,
    ROLLCALL_GATEWAY_PORT: '70000',
  });
  await product.printed(/\n/);
  assert.equal(await product.end('SIGCONT'), 2);
  assert.match(product.output(), /^ROLLCALL_GATEWAY_PORT is "70000".*\n$/);
  await rm(folder, { recursive: true });
});
