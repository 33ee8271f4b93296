import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { after, test } from 'node:test';
import { startRollcall, type TestConnection } from '../support/rollcall.ts';
import { type ScimAnswer, scimOf } from '../support/scim-client.ts';
import {
  assertError,
  createUser,
  eachProfile,
  filtered,
  groupBody,
  userBody,
  userUrn,
} from './scim-fixture.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());

eachProfile(rollcall, 'bad input', ({ scim, strict, connection }) => {
  const total = async () => (await scim('GET', '/Users?count=0')).body.totalResults;
  test('a body that is not a JSON object is 400 and its place is told (HTTP-09, CRE-23, ERR-09)', async () => {
    const before = await total();
    for (const body of [
      '',
      '{"schemas":[',
      '{"userName": ada}',
      '[]',
      '"x"',
      'null',
      '5',
      '{}{}',
      '\uFEFF',
      '{"a":1,}',
    ]) {
      assertError(await scim('POST', '/Users', body), 400, 'invalidSyntax');
    }
    const secret = await scim('POST', '/Users', '{"userName": "ada@example.com", "password": hunter2}');
    assertError(secret, 400, 'invalidSyntax');
    assert.doesNotMatch(secret.body.detail, /hunter2|ada@/);
    const unfinished = await scim('POST', '/Users', '{"schemas":[');
    assert.match(unfinished.body.detail, /ends too early/);
    const misplaced = await scim('POST', '/Users', `{"a": 1} ${' '.repeat(100)}{"b": 2}`);
    assert.match(misplaced.body.detail, /character 110/);
    assert.equal(await total(), before);
  });

  test('a body that is not UTF-8 is 400', async () => {
    assertError(
      await sendBytes(connection, Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])),
      400,
      'invalidSyntax',
    );
  });

  test('nesting has a limit', async () => {
    const deep = `{"schemas":["${userUrn}"],"userName":"deep","x":${'['.repeat(100_000)}${']'.repeat(100_000)}}`;
    assertError(await scim('POST', '/Users', deep), 400, 'invalidSyntax');
  });

  test('an object has a limit of names, a list of values has not', async () => {
    const many = Array.from({ length: 1_001 }, (_, index) => `x${index}`);
    const answer = await scim('POST', '/Users', userBody(Object.fromEntries(many.map((name) => [name, 1]))));
    assertError(answer, 400, 'invalidSyntax');
    assert.match(answer.body.detail, /at most 1000 names/);
    const listed = await scim('POST', '/Users', userBody({ emails: many.map((value) => ({ value })) }));
    assert.equal(listed.status, 201);
  });

  test('keys of the prototype are only keys', async () => {
    const body = `{"schemas":["${userUrn}"],"userName":"proto@example.com","__proto__":{"active":false},"constructor":{"prototype":{"x":1}},"hasOwnProperty":1,"name":{"__proto__":{"givenName":"x"},"familyName":"F"}}`;
    const answer = await scim('POST', '/Users', body);
    assert.equal(({} as { x?: number }).x, undefined);
    if (strict) return assertError(answer, 400, 'invalidSyntax');
    assert.deepEqual([answer.status, answer.body.active, answer.body.name], [201, true, { familyName: 'F' }]);
    const patch = `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"add","value":{"__proto__":{"title":"x"},"nickName":"N"}}]}`;
    const patched = await scim('PATCH', `/Users/${answer.body.id}`, patch);
    assert.deepEqual([patched.body.nickName, patched.body.title], ['N', undefined]);
  });

  test('JSON comes as application/scim+json or application/json, in UTF-8 (HTTP-06, HTTP-07, HTTP-08)', async () => {
    for (const type of [
      'application/scim+json',
      'application/json',
      'APPLICATION/SCIM+JSON; charset=UTF-8',
      'application/json;charset="utf-8"',
    ]) {
      const answer = await scim('POST', '/Users', userBody(), { 'content-type': type });
      assert.equal(answer.status, 201, type);
    }
    for (const headers of [
      { 'content-type': 'text/xml' },
      { 'content-type': 'text/plain' },
      { 'content-type': 'application/x-www-form-urlencoded' },
      { 'content-type': 'application/json; charset=utf-16' },
      { 'content-type': 'application/json', 'content-encoding': 'gzip' },
    ]) {
      assertError(await scim('POST', '/Users', JSON.stringify(userBody()), headers), 415);
    }
  });

  test('the answer has the SCIM media type, or application/json for who takes only that (HTTP-02, HTTP-03, HTTP-04, HTTP-05)', async () => {
    for (const [accept, expected] of [
      ['application/scim+json', /^application\/scim\+json/],
      ['*/*', /^application\/scim\+json/],
      ['application/json', /^application\/json/],
      ['application/scim+json, application/json', /^application\/scim\+json/],
      ['text/html', /^application\/scim\+json/],
    ] as const) {
      const { status, headers } = await scim('GET', '/Users', undefined, { accept });
      assert.equal(status, 200);
      assert.match(headers.get('content-type') ?? '', expected);
    }
    for (const accept of ['*/*', 'application/scim+json'])
      assertError(await scim('GET', '/Users/none', undefined, { accept }), 404);
  });

  test('a body over its limit is 413 and names it, with and without Content-Length', async () => {
    const large = JSON.stringify(userBody({ title: 'x'.repeat(4 * 1024 * 1024) }));
    const answer = await scim('POST', '/Users', large);
    assertError(answer, 413);
    assert.match(answer.body.detail, /4194304 bytes/);
    assertError(await sendBytes(connection, Buffer.from(large), true), 413);
    // A body may be larger than what is kept of it.
    const group = groupBody({ x: 'x'.repeat(5 * 1024 * 1024) });
    assert.equal((await scim('POST', '/Groups', group)).status, strict ? 400 : 201);
    const larger = groupBody({ x: 'x'.repeat(16 * 1024 * 1024) });
    assertError(await scim('POST', '/Groups', larger), 413);
  });

  test('a resource over 256 KiB is 413 and names the limit', async () => {
    const answer = await scim('POST', '/Users', userBody({ title: 'x'.repeat(300 * 1024) }));
    assertError(answer, 413);
    assert.match(answer.body.detail, /\d/);
  });

  test('unknown attributes are left out, or refused when strict (CRE-24)', async () => {
    if (strict) {
      assertError(await scim('POST', '/Users', userBody({ hairColor: 'red' })), 400, 'invalidSyntax');
      assertError(await scim('POST', '/Users', userBody({ name: { nick: 'x' } })), 400, 'invalidValue');
    } else {
      const created = await createUser(scim, { hairColor: 'red', name: { givenName: 'A', nick: 'x' } });
      assert.deepEqual([created.hairColor, created.name], [undefined, { givenName: 'A' }]);
    }
  });

  test('quotes, backslashes and blanks survive a filter', async () => {
    for (const userName of [
      "o'brien@example.com",
      'a"b@example.com',
      'a\\b@example.com',
      'a b',
      'a+b@example.com',
      '100%',
    ]) {
      const { id } = await createUser(scim, { userName });
      const { body } = await scim('GET', `/Users?${filtered(`userName eq ${JSON.stringify(userName)}`)}`);
      assert.deepEqual([body.totalResults, body.Resources[0].id], [1, id], userName);
    }
  });

  test('database operators in values are only text (SEC-05)', async () => {
    for (const value of ['{"$ne":null}', '$where', '.*', '\u0000', '__proto__']) {
      const { body } = await scim('GET', `/Users?${filtered(`userName eq ${JSON.stringify(value)}`)}`);
      assert.equal(body.totalResults, 0, value);
    }
    assertError(await scim('POST', '/Users', userBody({ userName: { $ne: null } })), 400, 'invalidValue');
    const odd = await createUser(scim, { title: '$set', externalId: '{"$gt":""}' });
    assert.deepEqual([odd.title, odd.externalId], ['$set', '{"$gt":""}']);
  });

  test('half a surrogate pair is 400 and not 500', async () => {
    assertError(
      await scim('POST', '/Users', `{"schemas":["${userUrn}"],"userName":"\\ud800"}`),
      400,
      'invalidValue',
    );
    const answer = await scim('GET', `/Users?${filtered('userName eq "\\ud800"')}`);
    assert.ok(answer.status === 200 || answer.status === 400);
  });
});

eachProfile(rollcall, 'routes', ({ scim, connection }) => {
  test('what is not there, another version too, is a 404 in SCIM form (ERR-16, ERR-13, HTTP-12, HTTP-13, HTTP-18)', async () => {
    const { gatewayUrl } = rollcall;
    for (const baseUrl of [
      gatewayUrl,
      `${gatewayUrl}/scim/${connection.id}/v1`,
      `${gatewayUrl}/scim/${connection.id}/v9`,
      `${gatewayUrl}/scim/${connection.id}`,
      `${connection.baseUrl}/Nope`,
      `${connection.baseUrl}/v2`,
    ]) {
      for (const method of ['GET', 'POST', 'DELETE']) {
        assertError(
          await scimOf({ ...connection, baseUrl })(method, '/Users/', method === 'POST' ? {} : undefined),
          404,
        );
      }
    }
  });

  test('a slash at the end and a stray ? do no harm (C.4)', async () => {
    for (const path of ['/Users/', '/Users?', '/Users/?', '/Users?&']) {
      assert.equal((await scim('GET', path)).status, 200, path);
    }
  });

  test('a method that is not there is a 405 with Allow', async () => {
    const user = await createUser(scim);
    for (const [method, path, allow] of [
      ['PUT', '/Users', 'GET, POST'],
      ['DELETE', '/Users', 'GET, POST'],
      ['POST', `/Users/${user.id}`, 'GET, PUT, PATCH, DELETE'],
    ] as const) {
      const answer = await scim(method, path);
      assertError(answer, 405);
      for (const allowed of allow.split(', ')) assert.ok(answer.headers.get('allow')?.includes(allowed));
    }
  });

  test('what is not HTTP, and a URL beyond all measure, get a SCIM error too', async () => {
    const { port } = new URL(rollcall.gatewayUrl);
    for (const [request, status] of [
      ['NONSENSE\r\n\r\n', 400],
      [`GET /${'x'.repeat(600 * 1024)} HTTP/1.1\r\nHost: x\r\n\r\n`, 431],
    ] as const) {
      const socket = connect(Number(port), '127.0.0.1');
      socket.on('error', () => {});
      socket.write(request);
      const answer = await text(socket);
      assert.match(answer, new RegExp(`^HTTP/1.1 ${status} `));
      const body = JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')));
      assert.deepEqual(
        [body.status, body.schemas],
        [String(status), ['urn:ietf:params:scim:api:messages:2.0:Error']],
      );
    }
  });

  test('health and readiness need no token', async () => {
    for (const path of ['/healthz', '/readyz']) {
      const response = await fetch(rollcall.gatewayUrl + path);
      assert.deepEqual([response.status, await response.text()], [200, 'ok\n']);
    }
  });
});

/** Sends bytes, which `scimOf` does not; in chunks, so that no length is told beforehand, when `chunked`. */
async function sendBytes(connection: TestConnection, bytes: Buffer, chunked = false): Promise<ScimAnswer> {
  const response = await fetch(`${connection.baseUrl}/Users`, {
    method: 'POST',
    headers: { authorization: `Bearer ${connection.token}`, 'content-type': 'application/scim+json' },
    body: chunked ? new Blob([new Uint8Array(bytes)]).stream() : new Uint8Array(bytes),
    ...(chunked && { duplex: 'half' }),
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
}
