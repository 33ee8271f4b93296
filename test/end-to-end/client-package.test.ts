import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { CreateServiceTokenRequest } from '#proto/rollcall/directory/v1/connection_service.ts';
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
  const example = blocks.find((code) => code.includes("'rollcall/client'"));
  assert.ok(example, 'README.md has an example of the client');
  await writeFile(join(project, 'example.ts'), example);
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
  await run(join(root, 'node_modules', '.bin', 'tsc'), [...options, 'example.ts'], project);

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
});
