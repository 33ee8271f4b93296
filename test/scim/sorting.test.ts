import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startRollcall } from '../support/rollcall.ts';
import type { ScimAnswer, ScimClient } from '../support/scim-client.ts';
import { assertError, createGroup, createUser, eachProfile, enterpriseUrn, userUrn } from './scim-fixture.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());

type Resource = ScimAnswer['body'];

/** Creates users with these attributes, one after the other, each named by its key. */
async function createNamed(scim: ScimClient, people: Readonly<Record<string, object>>): Promise<Resource[]> {
  const users: Resource[] = [];
  for (const [nickName, attributes] of Object.entries(people))
    users.push(await createUser(scim, { nickName, ...attributes }));
  return users;
}

/** The names of a list's users, in its order. */
async function namesIn(scim: ScimClient, query: string): Promise<string[]> {
  const { status, body } = await scim('GET', `/Users?${query}`);
  assert.equal(status, 200, JSON.stringify(body));
  return body.Resources.map(({ nickName }: Resource) => nickName);
}

eachProfile(rollcall, 'sorting of text', async ({ scim }) => {
  await createNamed(scim, {
    c: { userName: 'carol', externalId: 'a', displayName: 'z', title: 'Y' },
    a: { userName: 'alice', externalId: 'B', displayName: 'ä' },
    b: { userName: 'Bob', externalId: '\u{1d49e}', displayName: '\uffee', title: 'Z' },
    d: { userName: 'dora', displayName: 'Ö', externalId: '\uffee' },
  });

  test('goes up unless it goes down, in exactly the reverse (SRT-01, SRT-02, SRT-03)', async () => {
    const up = ['a', 'b', 'c', 'd'];
    assert.deepEqual(await namesIn(scim, 'sortBy=userName'), up);
    assert.deepEqual(await namesIn(scim, 'sortBy=userName&sortOrder=ascending'), up);
    assert.deepEqual(await namesIn(scim, 'sortBy=userName&sortOrder=descending'), up.toReversed());
    assert.deepEqual(await namesIn(scim, 'sortBy=userName&sortOrder=Descending'), up.toReversed());
  });

  test('goes by code points, with the case where that counts (SRT-04, SRT-05)', async () => {
    assert.deepEqual(await namesIn(scim, 'sortBy=externalId'), ['a', 'c', 'd', 'b']);
    assert.deepEqual(await namesIn(scim, 'sortBy=displayName'), ['c', 'a', 'd', 'b']);
  });

  test('puts those without a value last, and first when it goes down (SRT-08)', async () => {
    assert.deepEqual(await namesIn(scim, 'sortBy=title'), ['c', 'b', 'a', 'd']);
    assert.deepEqual(await namesIn(scim, 'sortBy=title&sortOrder=descending'), ['d', 'a', 'b', 'c']);
  });

  test('takes names in any letter case and with their URN (SRT-10)', async () => {
    for (const name of ['USERNAME', `${userUrn}:userName`, `${userUrn.toUpperCase()}:USERNAME`]) {
      assert.deepEqual(await namesIn(scim, `sortBy=${name}`), ['a', 'b', 'c', 'd'], name);
    }
  });

  test('means nothing as sortOrder alone (SRT-14)', async () => {
    for (const order of ['descending', 'up'])
      assert.deepEqual(await namesIn(scim, `sortOrder=${order}`), ['c', 'a', 'b', 'd']);
  });

  test('is refused for what it cannot mean (SRT-07, SRT-11)', async () => {
    for (const query of [
      'sortBy=userName&sortOrder=up',
      'sortBy=userName&sortOrder=',
      'sortBy=userName&sortBy=title',
      'sortBy=hairColor',
      'sortBy=',
      'sortBy=name',
      'sortBy=name.hairColor',
      'sortBy=emails%5Btype%20eq%20%22work%22%5D.value',
      'sortBy=password',
      'sortBy=addresses',
      'sortBy=x509Certificates',
      `sortBy=${enterpriseUrn}`,
    ]) {
      assertError(await scim('GET', `/Users?${query}`), 400, 'invalidValue');
    }
  });
});

eachProfile(rollcall, 'sorting of other values', async ({ scim, strict }) => {
  const users = await createNamed(scim, {
    primary: {
      emails: [{ value: 'a@example.com' }, { value: 'z@example.com', primary: true }],
      name: { familyName: 'Bell' },
      active: false,
      [enterpriseUrn]: { employeeNumber: '20' },
    },
    first: {
      emails: [{ value: 'm@example.com' }, { value: 'b@example.com' }],
      name: { familyName: 'adams' },
      [enterpriseUrn]: { employeeNumber: '10' },
    },
    none: {},
  });

  test('takes the primary of several values, or the first (SRT-06)', async () => {
    for (const by of ['emails.value', 'emails'])
      assert.deepEqual(await namesIn(scim, `sortBy=${by}`), ['first', 'primary', 'none'], by);
  });

  test('takes a part of a complex value (SRT-07)', async () => {
    assert.deepEqual(await namesIn(scim, 'sortBy=name.familyName'), ['first', 'primary', 'none']);
  });

  test('takes attributes of the extension, by their bare name when not strict (SRT-10, EXT-05)', async () => {
    const expected = ['first', 'primary', 'none'];
    assert.deepEqual(await namesIn(scim, `sortBy=${enterpriseUrn}:employeeNumber`), expected);
    if (strict) assertError(await scim('GET', '/Users?sortBy=employeeNumber'), 400, 'invalidValue');
    else assert.deepEqual(await namesIn(scim, 'sortBy=employeeNumber'), expected);
  });

  test('takes times and truth values as such (SRT-09)', async () => {
    const down = 'sortBy=meta.created&sortOrder=descending';
    assert.deepEqual(await namesIn(scim, down), ['none', 'first', 'primary']);
    assert.deepEqual(await namesIn(scim, 'sortBy=active'), ['primary', 'first', 'none']);
    for (let change = 0; change < 9; change++) {
      const body = { ...users[0], title: `t${change}` };
      assert.equal((await scim('PUT', `/Users/${users[0].id}`, body)).status, 200);
    }
    assert.deepEqual(await namesIn(scim, 'sortBy=meta.lastModified'), ['first', 'none', 'primary']);
    // Versions are numbers: 2 comes before 10.
    await scim('PUT', `/Users/${users[2].id}`, { ...users[2], title: 'changed once' });
    assert.deepEqual(await namesIn(scim, 'sortBy=meta.version'), ['first', 'none', 'primary']);
  });
});

eachProfile(rollcall, 'sorting and paging', async ({ scim }) => {
  const letters = [...'gbdafhce'];
  const users: Resource[] = [];
  for (const [index, userName] of letters.entries()) {
    const active = index % 2 === 0;
    users.push(await createUser(scim, { userName, nickName: userName, active, userType: 'same' }));
  }

  test('walk in the order of the whole list, without gaps (SRT-13, PAG-12)', async () => {
    for (const [by, order, expected] of [
      ['userName', 'ascending', letters.toSorted()],
      ['userName', 'descending', letters.toSorted().reverse()],
      ['userType', 'ascending', letters],
      ['userType', 'descending', letters.toReversed()],
    ] as const) {
      const seen: string[] = [];
      for (let start = 1; start <= letters.length; start += 3) {
        seen.push(...(await namesIn(scim, `sortBy=${by}&sortOrder=${order}&startIndex=${start}&count=3`)));
      }
      assert.deepEqual(seen, expected, `${by} ${order}`);
    }
  });

  test('work with a filter (PAG-13)', async () => {
    const query = 'filter=active%20eq%20true&sortBy=userName&startIndex=3&count=2';
    const { body } = await scim('GET', `/Users?${query}`);
    const active = letters.filter((_, index) => index % 2 === 0).toSorted();
    assert.deepEqual(
      body.Resources.map(({ userName }: Resource) => userName),
      active.slice(2, 4),
    );
    assert.deepEqual([body.totalResults, body.startIndex, body.itemsPerPage], [4, 3, 2]);
  });

  test('do not mind what is projected (ATT-15)', async () => {
    const { body } = await scim('GET', '/Users?attributes=id&filter=active%20eq%20true&sortBy=userName');
    const active = users.filter(({ active }) => active).sort((a, b) => (a.userName < b.userName ? -1 : 1));
    assert.deepEqual(
      body.Resources,
      active.map(({ id }) => ({ schemas: [userUrn], id })),
    );
  });

  test('of groups go by what a group has', async () => {
    for (const displayName of ['Zebras', 'ants', 'Bees']) await createGroup(scim, { displayName });
    const { body } = await scim('GET', '/Groups?sortBy=displayName');
    assert.deepEqual(
      body.Resources.map(({ displayName }: Resource) => displayName),
      ['ants', 'Bees', 'Zebras'],
    );
    assertError(await scim('GET', '/Groups?sortBy=members'), 400, 'invalidValue');
    assertError(await scim('GET', '/Groups?sortBy=userName'), 400, 'invalidValue');
  });
});
