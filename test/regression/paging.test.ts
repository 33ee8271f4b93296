import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { assertError, createUser, filtered, patchBody } from '../scim/scim-fixture.ts';
import { startRollcall } from '../support/rollcall.ts';
import { type ScimAnswer, type ScimClient, scimOf } from '../support/scim-client.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());
const size = 250;

suite('lists', () => {
  let scim: ScimClient;
  let all: string[];
  before(async () => {
    scim = scimOf(await rollcall.connect());
    const users = await Promise.all(Array.from({ length: size }, () => createUser(scim, { title: 'x' })));
    all = users.map(({ id }) => id).sort();
  });
  const page = async (query: string): Promise<ScimAnswer['body']> => {
    const { status, body } = await scim('GET', `/Users?${query}`);
    assert.equal(status, 200, `${query} ${JSON.stringify(body)}`);
    for (const name of ['totalResults', 'startIndex', 'itemsPerPage'])
      assert.ok(Number.isInteger(body[name]), name);
    return body;
  };

  // The total was that of the page, or the list ended without saying so; clients deleted whom they did not meet.
  test('total-is-of-the-page: a walk meets everybody once, and the total stays', async () => {
    for (const query of ['count=100', 'count=7', '', 'count=1000', `${filtered('title eq "x"')}&count=60`]) {
      const seen: string[] = [];
      while (seen.length < size) {
        const body = await page(`${query}&startIndex=${seen.length + 1}`);
        assert.deepEqual([body.totalResults, body.startIndex], [size, seen.length + 1], query);
        assert.ok(body.Resources.length > 0, query);
        seen.push(...body.Resources.map(({ id }: ScimAnswer['body']) => id));
      }
      assert.deepEqual(seen.sort(), all, query);
    }
  });

  test('total-is-of-the-page: nobody is missed when others go meanwhile', async () => {
    const leaving = await Promise.all(
      Array.from({ length: 20 }, () => createUser(scim, { nickName: 'leaving' })),
    );
    const others = await Promise.all(
      Array.from({ length: 20 }, () => createUser(scim, { nickName: 'leaving' })),
    );
    const query = `${filtered('nickName eq "leaving"')}&count=10`;
    const seen: string[] = [];
    const read = async () => {
      const body = await page(`${query}&startIndex=${seen.length + 1}`);
      seen.push(...body.Resources.map(({ id }: ScimAnswer['body']) => id));
      return body.Resources.length as number;
    };
    await read();
    const left = new Set(leaving.slice(0, 10).map(({ id }) => id));
    for (const id of left) assert.equal((await scim('DELETE', `/Users/${id}`)).status, 204);
    while ((await read()) > 0);
    for (const { id } of [...leaving.slice(10), ...others]) assert.ok(seen.includes(id), 'a user was missed');
    for (const { id } of [...leaving.slice(10), ...others]) await scim('DELETE', `/Users/${id}`);
  });

  // Counted from 0, the first user came twice or never; 0 and negative numbers were an error.
  test('start-index-from-zero: it counts from 1, and less is taken for 1', async () => {
    const first = (await page('count=3')).Resources;
    for (const index of ['1', '0', '-1', '-1000']) {
      const body = await page(`startIndex=${index}&count=3`);
      assert.deepEqual([body.startIndex, body.Resources], [1, first], index);
    }
    assert.deepEqual((await page('startIndex=2&count=2')).Resources, first.slice(1));
    const last = await page(`startIndex=${size}&count=10`);
    assert.deepEqual([last.startIndex, last.itemsPerPage, last.Resources.length], [size, 1, 1]);
    const beyond = await page(`startIndex=${size + 1}&count=10`);
    assert.deepEqual([beyond.totalResults, beyond.itemsPerPage, beyond.Resources], [size, 0, []]);
  });

  // The number that was asked for came back, whatever there was.
  test('items-per-page-echoed: it is the number of resources on the page', async () => {
    for (const [query, items] of [
      ['count=10', 10],
      ['count=1000000', size],
      [`startIndex=${size - 3}&count=100`, 4],
      [`startIndex=${size + 100}&count=100`, 0],
      ['count=0', 0],
      ['count=-1', 0],
      [`${filtered('userName eq "nobody"')}&count=100`, 0],
    ] as const) {
      const body = await page(query);
      assert.deepEqual([body.itemsPerPage, body.Resources.length], [items, items], query);
    }
  });

  // A count that is no number was a 500, or ignored.
  test('count-not-a-number: it is 400 and says which parameter', async () => {
    for (const parameter of ['count', 'startIndex']) {
      for (const value of ['abc', '1.5', '', ' ', '1e3', '0x10', 'NaN', 'null', '٣']) {
        const answer = await scim('GET', `/Users?${parameter}=${encodeURIComponent(value)}`);
        assertError(answer, 400, 'invalidValue');
        assert.match(answer.body.detail, new RegExp(parameter));
      }
    }
  });
});
test('total-is-of-the-page: of one page too, and after each change', async () => {
  const scim = scimOf(await rollcall.connect());
  const total = async () => (await scim('GET', '/Users?count=1')).body.totalResults;
  assert.equal(await total(), 0);
  const user = await createUser(scim);
  await createUser(scim);
  assert.equal(await total(), 2);
  await scim('PATCH', `/Users/${user.id}`, patchBody({ op: 'replace', path: 'active', value: false }));
  assert.equal(await total(), 2);
  await scim('DELETE', `/Users/${user.id}`);
  assert.equal(await total(), 1);
});
