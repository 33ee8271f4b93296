import assert from 'node:assert/strict';
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import type { Command } from 'commander';
import { CreateTokenRequest } from '#proto/rollcall/directory/v1/connection_service.ts';
import { providerNames } from '#rpc/provider-name.ts';
import { readConfig } from '#runtime/config.ts';
import { gatewayConfig } from '../../gateway/config.ts';
import { leniencyRules } from '../../gateway/repairs/leniency.ts';
import { cliConfig, connectionBaseUrl, connectionTokenUrl } from '../../services/cli/config.ts';
import { createProgram } from '../../services/cli/program.ts';
import { createUser, groupBody, patchBody, userBody } from '../scim/scim-fixture.ts';
import {
  anchorsOf,
  cellsBelow,
  fencedBlocks,
  type GuidePage,
  inlineCode,
  linkTargets,
  readGuidePages,
} from '../support/guide-page.ts';
import { startRollcall, type TestConnection, type TestRollcall } from '../support/rollcall.ts';
import { type ScimAnswer, type ScimClient, scimOf } from '../support/scim-client.ts';

const folder = join(import.meta.dirname, '..', '..', 'docs', 'connect');
const pages = await readGuidePages(folder);
const overview = pageOf('README.md');
const publicUrl = { ROLLCALL_PUBLIC_URL: 'https://scim.example.com' };

function pageOf(name: string): GuidePage {
  const page = pages.find((each) => each.name === name);
  assert.ok(page, name);
  return page;
}

/** The command, which parses all of a line and then does nothing. */
function rollcallCommand(): Command {
  return createProgram(
    async () => undefined,
    () => Promise.reject(new Error('Nothing is replayed here.')),
  );
}

/** Fails for text that names a command or an option that there is not; the command need not be complete. */
function checkMention(code: string): void {
  const named = [rollcallCommand()];
  for (const word of code.replace(/ --.*/, '').split(' ')) {
    const inner = named[0]?.commands ?? [];
    const next = inner.find((each) => each.name() === word);
    assert.ok(next || inner.length === 0, `${code}: there is no ${word}`);
    if (next) named.unshift(next);
  }
  const options = named.flatMap((command) => command.options.map(({ long }) => long));
  for (const flag of code.match(/--[\w-]+/g) ?? []) assert.ok(options.includes(flag), code);
}

/** A command and all below it. */
function allCommands(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(allCommands)];
}

suite('the guides to identity providers', () => {
  test('are one for each that has a file, and all choices of --provider are named', () => {
    const guides = cellsBelow(overview, 'guide').flatMap((cell) => /\((\w+\.md)\)/.exec(cell)?.[1] ?? []);
    assert.deepEqual(['README.md', ...guides].sort(), pages.map(({ name }) => name).sort());
    const named = cellsBelow(overview, '`--provider`').flatMap((cell) => cell.match(/[a-z]+/g) ?? []);
    assert.deepEqual(named.sort(), [...providerNames].sort());
  });

  for (const page of pages) {
    test(`${page.name}: every command is one, with the options it has`, async () => {
      const lines = [...fencedBlocks(page, 'sh').flatMap((block) => block.split('\n')), ...inlineCode(page)];
      const commands = lines.flatMap((line) => /^npx rollcall (.*?)( +#.*)?$/.exec(line)?.[1] ?? []);
      assert.ok(commands.length > 0);
      for (const command of commands) {
        const words = command.match(/"[^"]*"|\S+/g) ?? [];
        await rollcallCommand().parseAsync(words, { from: 'user' });
      }
    });

    test(`${page.name}: every command and option that is only mentioned is there`, () => {
      const all = allCommands(rollcallCommand());
      const known = all.flatMap(({ options }) => options.map(({ long }) => long));
      const names = rollcallCommand().commands.map((command) => command.name());
      for (const code of inlineCode(page)) {
        if (/^--[\w-]+$/.test(code)) assert.ok(known.includes(code), code);
        if (names.some((name) => code.startsWith(`${name} `))) checkMention(code);
      }
    });

    test(`${page.name}: every link leads somewhere`, async () => {
      for (const target of linkTargets(page)) {
        assert.doesNotMatch(target, /^https?:/, 'pages of others move');
        const [path = '', anchor] = target.split('#');
        const file = path === '' ? page.name : path;
        await access(join(page.folder, file));
        if (anchor === undefined) continue;
        const anchors = anchorsOf(await readFile(join(page.folder, file), 'utf8'));
        assert.ok(anchors.includes(anchor), target);
      }
    });

    test(`${page.name}: every repair is one of leniency.ts`, () => {
      const repairs = cellsBelow(page, 'repair').flatMap((cell) => cell.match(/\w+/g) ?? []);
      assert.ok(repairs.length > 0 || page === overview);
      for (const repair of repairs) assert.ok(repair in leniencyRules, repair);
    });

    test(`${page.name}: every URL is as Rollcall prints it, every person is made up`, () => {
      const config = readConfig(cliConfig, publicUrl);
      const ours = [connectionBaseUrl(config, '<connection>'), connectionTokenUrl(config, '<connection>')];
      const urls = page.text.match(/https?:\/\/[^\s`"]+/g) ?? [];
      assert.ok(urls.some((url) => url === ours[0]));
      for (const url of urls) {
        const isOurs = ours.includes(url) || url === `${ours[0]}/Users/<user>`;
        const isLocal = url.startsWith('http://127.0.0.1:8080/');
        const isMicrosofts = /^https:\/\/(sts\.windows\.net|login\.microsoftonline\.com)\/<tenant>\//.test(
          url,
        );
        assert.ok(isOurs || isLocal || isMicrosofts, url);
      }
      for (const [, host] of page.text.matchAll(/\w@([\w.-]+)/g)) assert.equal(host, 'example.com');
    });

    test(`${page.name}: every setting is read by the gateway or the command`, () => {
      const settings = page.text.match(/ROLLCALL_\w+/g) ?? [];
      for (const name of settings) assert.ok(name in gatewayConfig.shape || name in cliConfig.shape, name);
    });

    if (page === overview) continue;
    test(`${page.name} creates a connection of its own provider`, () => {
      const created = page.text.match(/connections create .*--provider (\w+)/)?.[1];
      assert.equal(`${created}.md`, page.name);
    });
  }
});

suite('what the guides say of answers', () => {
  let rollcall: TestRollcall;
  let connection: TestConnection;
  let scim: ScimClient;
  before(async () => {
    rollcall = await startRollcall();
    connection = await rollcall.connect();
    scim = scimOf(connection);
  });
  after(() => rollcall[Symbol.asyncDispose]());

  /** Repeats a request until it is refused with 429. */
  async function tooMany(settings: Record<string, string>, token: string): Promise<ScimAnswer> {
    await using gateway = await rollcall.startGateway(settings);
    const send = scimOf({ ...gateway.to(connection), token });
    for (;;) {
      const answers = await Promise.all(Array.from({ length: 50 }, () => send('GET', '/Users?count=0')));
      const refused = answers.find(({ status }) => status === 429);
      if (refused) return refused;
    }
  }

  async function twice(path: string, body: object): Promise<ScimAnswer> {
    await scim('POST', path, body);
    return scim('POST', path, body);
  }

  async function patched(path: string, value: string): Promise<ScimAnswer> {
    const { id } = await createUser(scim);
    return scim('PATCH', `/Users/${id}`, patchBody({ op: 'replace', path, value }));
  }

  /** Each symptom of the table that is an answer, and how it comes about. */
  const symptoms: Readonly<Record<string, () => Promise<ScimAnswer>>> = {
    '401': () => scimOf({ ...connection, token: 'Bearer Bearer' })('GET', '/Users'),
    '403': async () => {
      const request = CreateTokenRequest.fromPartial({ connectionId: connection.id, readOnly: true });
      const { secret: token } = await rollcall.directory.connections.createToken(request);
      return scimOf({ ...connection, token })('POST', '/Users', userBody());
    },
    '404, `There is nothing at this URL`': () => scim('GET', '//Users'),
    '404, `No User has this id`': () => scim('GET', '/Users/0'),
    '409 `uniqueness`, for a user': () => twice('/Users', userBody()),
    '409 `uniqueness`, for a group': () => twice('/Groups', groupBody()),
    '400, `is neither a user nor a group here`': () =>
      scim('POST', '/Groups', groupBody({ members: [{ value: 'nobody' }] })),
    '400, `is required`': () => scim('POST', '/Users', userBody({ userName: '' })),
    '400, `must be true or false`': () => patched('active', 'yes'),
    '400, `is not an attribute of User`': () => patched('shoeSize', '42'),
    '413': () => scim('POST', '/Users', userBody({ title: 'x'.repeat(5 * 1024 * 1024) })),
    '429, `This connection may send …`': () => tooMany({ ROLLCALL_RATE_LIMIT: '1' }, connection.token),
    '429, `Too many requests from this address`': () => tooMany({}, 'wrong'),
    '503, `This connection is paused`': async () => {
      const paused = await rollcall.connect();
      await rollcall.directory.connections.pauseConnection({ connectionId: paused.id });
      return scimOf(paused)('GET', '/Users');
    },
    '503, `The directory does not answer`': async () => {
      await using gateway = await rollcall.startGateway({ ROLLCALL_DIRECTORY_ADDRESS: '127.0.0.1:1' });
      return await scimOf(gateway.to(connection))('GET', '/Users');
    },
  };

  for (const [symptom, provoke] of Object.entries(symptoms)) {
    test(`the gateway answers: ${symptom}`, async () => {
      const { status, body } = await provoke();
      assert.equal(status, Number(symptom.slice(0, 3)), JSON.stringify(body));
      const quoted = /`([^`…]+)/.exec(symptom)?.[1]?.trim() ?? '';
      assert.ok(
        [body.detail, body.scimType].some((text) => text?.includes(quoted)),
        JSON.stringify(body),
      );
    });
  }

  test('each answer in the table of symptoms is one of these', () => {
    const answers = (page: GuidePage) =>
      cellsBelow(page, 'symptom').filter((cell) => /^\d{3}(,|$)/.test(cell));
    const known = Object.keys(symptoms);
    assert.deepEqual([...answers(overview)].sort(), known.sort());
    const quoted = pages.flatMap(answers).map((cell) => /^(\d{3}, )`(.*)`$/.exec(cell) ?? []);
    for (const [cell, status = '', text] of quoted) {
      const isSame = (symptom: string) => text?.includes(symptom.replace(status, '').replaceAll('`', ''));
      assert.ok(cell === undefined || known.some(isSame), cell);
    }
  });

  test('what a paused connection is told, and that the configuration needs no token', async () => {
    const paused = await symptoms['503, `This connection is paused`']?.();
    assert.equal(paused?.headers.get('retry-after'), '60');
    assert.match(overview.text, /`Retry-After: 60`/);
    const { status } = await fetch(`${connection.baseUrl}/ServiceProviderConfig`);
    assert.equal(status, 200);
  });

  test('the template for OneLogin makes a user, also of one who has only name and address', async () => {
    const [template = ''] = fencedBlocks(pageOf('onelogin.md'), 'json');
    const values: Readonly<Record<string, string>> = {
      'parameters.scimusername': 'ada@example.com',
      'user.email': 'ada@example.com',
      'user.firstname': 'Ada',
      'user.lastname': 'Example',
    };
    const filledIn = template.replaceAll(/\{\$([\w.]+)\}/g, (_, name: string) => values[name] ?? '');
    const { status, body } = await scim('POST', '/Users', filledIn);
    assert.equal(status, 201, JSON.stringify(body));
    const { schemas, userName, name, emails, title, active } = body;
    assert.deepEqual(
      { schemas, userName, name, emails, title, active },
      {
        schemas: ['urn:ietf:params:scim:schemas:core:2.0:User'],
        userName: 'ada@example.com',
        name: { givenName: 'Ada', familyName: 'Example' },
        emails: [{ value: 'ada@example.com', type: 'work', primary: true }],
        title: undefined,
        active: true,
      },
    );
  });
});
