import assert from 'node:assert/strict';
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { CreateServiceTokenRequest } from '#proto/rollcall/directory/v1/connection_service.ts';
import { SetRoleMappingsRequest } from '#proto/rollcall/directory/v1/role_service.ts';
import { startProcess } from '../support/product-process.ts';
import { startRollcall, type TestRollcall } from '../support/rollcall.ts';
import { runCommand } from '../support/run-command.ts';

const root = join(import.meta.dirname, '..', '..');
let folder: string;
let rollcall: TestRollcall;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rollcall-package-'));
  rollcall = await startRollcall();
});
after(async () => {
  await rollcall[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** Runs a command that must succeed, and answers its standard output. */
async function run(file: string, args: string[], cwd: string, env: NodeJS.ProcessEnv = {}): Promise<string> {
  const { code, stdout, stderr } = await runCommand(file, args, { cwd, env: { ...process.env, ...env } });
  assert.equal(code, 0, `${file} ${args.join(' ')}\n${stdout}\n${stderr}`);
  return stdout;
}

test('the built package installs into an empty folder, and the example of the README compiles and runs', async (t) => {
  await run(process.execPath, [join(root, 'services', 'build-package.ts')], root);
  const built = join(root, 'dist', 'package');
  const [packed] = JSON.parse(await run('npm', ['pack', '--json', '--pack-destination', folder], built));

  const project = join(folder, 'project');
  await mkdir(project);
  const { devDependencies } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  await writeFile(join(project, 'package.json'), '{"type":"module","private":true}');
  const types = `@types/node@${devDependencies['@types/node']}`;
  const install = [
    'install',
    '--prefer-offline',
    '--no-audit',
    '--no-fund',
    join(folder, packed.filename),
    types,
  ];
  const installed = await runCommand('npm', install, { cwd: project, env: process.env });
  if (installed.code !== 0 && /ENOTFOUND|ECONNREFUSED|ETIMEDOUT|EAI_AGAIN/.test(installed.stderr)) {
    return t.skip('the package registry cannot be reached');
  }
  assert.equal(installed.code, 0, installed.stderr);

  const readme = await readFile(join(root, 'README.md'), 'utf8');
  const blocks = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code = '']) => code);
  const [asking, following] = blocks.filter((code) => code.includes("'rollcall/client'"));
  assert.ok(asking && following, 'README.md has two examples of the client');
  await writeFile(join(project, 'example.ts'), asking);
  await writeFile(join(project, 'following.ts'), following);
  await copyFile(join(import.meta.dirname, 'example-service.ts'), join(project, 'example-service.ts'));
  const strictOptions = ['--strict', '--exactOptionalPropertyTypes', '--noUncheckedIndexedAccess'];
  const options = [
    '--target',
    'es2022',
    '--module',
    'nodenext',
    '--types',
    'node',
    '--outDir',
    'out',
    ...strictOptions,
  ];
  const sources = ['example.ts', 'following.ts', 'example-service.ts'];
  await run(join(root, 'node_modules', '.bin', 'tsc'), [...options, ...sources], project);

  const connection = await rollcall.connect();
  const scim = async (path: string, body: object) => {
    const headers = { authorization: `Bearer ${connection.token}`, 'content-type': 'application/scim+json' };
    const response = await fetch(connection.baseUrl + path, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    });
    assert.equal(response.status, 201);
    return (await response.json()) as { id: string };
  };
  const setActive = async (id: string, active: boolean) => {
    const headers = { authorization: `Bearer ${connection.token}`, 'content-type': 'application/scim+json' };
    const schemas = ['urn:ietf:params:scim:api:messages:2.0:PatchOp'];
    const Operations = [{ op: 'replace', path: 'active', value: active }];
    const body = JSON.stringify({ schemas, Operations });
    const response = await fetch(`${connection.baseUrl}/Users/${id}`, { method: 'PATCH', headers, body });
    assert.equal(response.status, 200);
  };
  const urn = 'urn:ietf:params:scim:schemas:core:2.0';
  const ada = await scim('/Users', { schemas: [`${urn}:User`], userName: 'ada@example.com' });
  const inner = await scim('/Groups', {
    schemas: [`${urn}:Group`],
    displayName: 'Compilers',
    members: [{ value: ada.id }],
  });
  await scim('/Groups', {
    schemas: [`${urn}:Group`],
    displayName: 'Engineering',
    members: [{ value: inner.id }],
  });
  const { secret } = await rollcall.directory.connections.createServiceToken(
    CreateServiceTokenRequest.fromPartial({ label: 'example', connectionIds: [connection.id] }),
  );
  const env = {
    ROLLCALL_URL: rollcall.accessUrl,
    ROLLCALL_TOKEN: secret,
    ROLLCALL_CONNECTION: connection.id,
  };
  const ran = await run(process.execPath, [join('out', 'example.js')], project, env);
  assert.equal(ran, 'ada@example.com is in Engineering, through 2 groups\n');
  const foreign = await run(process.execPath, [join('out', 'example.js')], project, {
    ...env,
    ROLLCALL_CONNECTION: 'nosuchconnection',
  });
  assert.equal(foreign, 'ERROR_REASON_CALLER_FORBIDDEN\n');

  const command = join(project, 'node_modules', '.bin', 'rollcall');
  const shown = await run(command, ['connections', 'show', connection.id, '--json'], project, {
    ROLLCALL_DATA_DIR: rollcall.dataDir,
    ROLLCALL_DIRECTORY_ADDRESS: rollcall.directoryAddress,
  });
  assert.equal(JSON.parse(shown).users, 1);

  await t.test('the example that follows changes hears those that were and those that come', async () => {
    await using example = startProcess(process.execPath, [join(project, 'out', 'following.js')], env);
    await example.printed(/ada@example\.com has 0 roles/);
    await example.printed(/1: user-created/);
    await setActive(ada.id, false);
    await example.printed(/: user-deactivated/);
    await example.printed(new RegExp(`the sessions of ${ada.id} end now`));
    await setActive(ada.id, true);
    await example.printed(/: user-activated/);
  });

  await t.test(
    'a service that uses it lets in editors, and ends a session when SCIM deactivates the user',
    async () => {
      const editors = { $case: 'groupDisplayName', value: 'Engineering' } as const;
      await rollcall.directory.roles.setRoleMappings(
        SetRoleMappingsRequest.fromPartial({
          connectionId: connection.id,
          mappings: { mappings: [{ id: 'editors', roles: ['editor'], subject: editors }] },
        }),
      );
      await scim('/Users', { schemas: [`${urn}:User`], userName: 'bob@example.com' });
      await using service = startProcess(process.execPath, [join(project, 'out', 'example-service.js')], env);
      const [, port] = await service.printed(/listening on (\d+)/);
      const url = `http://127.0.0.1:${port}`;
      const signIn = async (login: string) => {
        const response = await fetch(`${url}/sessions?login=${login}`, { method: 'POST' });
        return [response.status, await response.text()] as const;
      };
      const read = async (authorization: string) =>
        (await fetch(`${url}/reports`, { headers: { authorization } })).status;
      const [, session] = await signIn('ada@example.com');
      assert.equal(await read(session), 200);
      assert.equal(await read(crypto.randomUUID()), 401);
      const [, other] = await signIn('bob@example.com');
      assert.equal(await read(other), 403);

      await setActive(ada.id, false);
      await service.printed(new RegExp(`ended the sessions of ${ada.id}`));
      assert.equal(await read(session), 401);
      assert.equal(await read(other), 403);
      assert.deepEqual(await signIn('ada@example.com'), [403, '']);
    },
  );
});
