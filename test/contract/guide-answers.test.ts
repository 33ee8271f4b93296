import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { CreateTokenRequest } from '#proto/rollcall/directory/v1/connection_service.ts';
import { createUser, groupBody, patchBody, userBody } from '../scim/scim-fixture.ts';
import { cellsBelow, fencedBlocks, type GuidePage, readGuidePages } from '../support/guide-page.ts';
import { startRollcall, type TestConnection, type TestRollcall } from '../support/rollcall.ts';
import { type ScimAnswer, type ScimClient, scimOf } from '../support/scim-client.ts';

const pages = await readGuidePages(join(import.meta.dirname, '..', '..', 'docs', 'connect'));

function pageOf(name: string): GuidePage {
  const page = pages.find((each) => each.name === name);
  assert.ok(page, name);
  return page;
}

/** What a symptom quotes of the answer; empty for nothing. */
function quotedIn(symptom: string): string {
  return /`([^`…]+)/.exec(symptom)?.[1]?.trim() ?? '';
}

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
    '400, `The body is not JSON`': () => scim('POST', '/Users', '{"schemas": [,]}'),
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
      const texts: readonly string[] = [body.detail, body.scimType ?? ''];
      assert.ok(
        texts.some((text) => text.includes(quotedIn(symptom))),
        JSON.stringify(body),
      );
    });
  }

  test('each answer in the tables of symptoms is one of these', () => {
    const proven = Object.keys(symptoms);
    const explained = cellsBelow(pageOf('README.md'), 'symptom').filter((cell) => /^\d{3}/.test(cell));
    assert.deepEqual([...explained].sort(), [...proven].sort());
    for (const cell of pages.flatMap((page) => cellsBelow(page, 'symptom'))) {
      if (!/^\d{3}.*`/.test(cell)) continue;
      const isProven = (each: string) => each.startsWith(cell.slice(0, 3)) && cell.includes(quotedIn(each));
      assert.ok(proven.some(isProven), cell);
    }
  });

  test('what a paused connection is told, and that the configuration needs no token', async () => {
    const paused = await symptoms['503, `This connection is paused`']?.();
    assert.equal(paused?.headers.get('retry-after'), '60');
    assert.match(pageOf('README.md').text, /`Retry-After: 60`/);
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
