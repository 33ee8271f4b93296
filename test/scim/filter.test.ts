import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startRollcall } from '../support/rollcall.ts';
import type { ScimClient } from '../support/scim-client.ts';
import {
  assertError,
  createGroup,
  createUser,
  eachProfile,
  enterpriseUrn,
  filtered,
  ids,
  userUrn,
} from './scim-fixture.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());

/** Three people who differ in everything that filters ask. */
async function createPeople(scim: ScimClient) {
  const ada = await createUser(scim, {
    userName: 'Ada@example.com',
    externalId: 'ABC',
    displayName: 'He said "hi" é',
    name: { givenName: 'Ada', familyName: 'Jensen' },
    nickName: 'a  b',
    title: 'Countess',
    userType: 'Employee',
    emails: [
      { value: 'ada@example.com', type: 'home' },
      { value: 'ada@example.org', type: 'work', primary: true },
    ],
  });
  const bob = await createUser(scim, {
    userName: 'bob@example.com',
    externalId: 'abc',
    name: { givenName: 'Bob' },
    nickName: 'a b',
    userType: 'Intern',
    emails: [{ value: 'bob@example.com', type: 'work' }],
    ims: [{ value: 'bob@foo.com', type: 'xmpp' }],
    [enterpriseUrn]: { department: 'Sales', manager: { value: ada.id } },
  });
  const eve = await createUser(scim, {
    userName: 'E\u0301tienne',
    active: false,
    title: null,
    emails: [],
    name: {},
  });
  return { ada, bob, eve };
}

/** Rows, a filter, and whom it finds. */
const found: readonly (readonly [rows: string, filter: string, people: string])[] = [
  ['FLT-01', 'userName eq "ada@example.com"', 'ada'],
  ['FLT-02', 'USERNAME eq "Ada@example.com"', 'ada'],
  ['FLT-03', 'userName EQ "ada@example.com" AND active PR', 'ada'],
  ['FLT-03', 'NOT (active Eq True) Or title Pr', 'ada eve'],
  ['FLT-04', 'userName eq "ADA@EXAMPLE.COM"', 'ada'],
  ['FLT-05', 'externalId eq "abc"', 'bob'],
  ['FLT-05', 'meta.resourceType eq "user"', ''],
  ['FLT-05', 'id eq "{ADA}"', ''],
  ['FLT-06', 'userType ne "Employee"', 'bob eve'],
  ['FLT-07', 'name.familyName co "ENS"', 'ada'],
  ['FLT-08', 'userName sw "bob@example.com"', 'bob'],
  ['FLT-09', 'name.familyName ew "sen"', 'ada'],
  ['FLT-09', 'userName ew "ada@example.com"', 'ada'],
  ['FLT-10, NUL-01', 'title pr', 'ada'],
  ['FLT-11', 'name pr', 'ada bob'],
  ['FLT-11, NUL-01', 'emails pr', 'ada bob'],
  ['NUL-04', 'active pr', 'ada bob eve'],
  ['FLT-12', 'userName ge "b"', 'bob eve'],
  ['FLT-12', 'userName lt "B"', 'ada'],
  ['FLT-12', 'externalId lt "abc"', 'ada'],
  ['FLT-13', 'meta.lastModified gt "2011-05-13T04:42:34+02:00"', 'ada bob eve'],
  ['FLT-13', 'meta.created lt "{created}"', ''],
  ['FLT-13', 'meta.created ge "{created}"', 'ada bob eve'],
  ['FLT-13', 'meta.created le "{elsewhere}"', 'ada'],
  ['FLT-17', 'active eq false', 'eve'],
  ['FLT-18', 'displayName eq "He said \\"hi\\" \\u00e9"', 'ada'],
  ['FLT-19', 'title eq null', 'bob eve'],
  ['FLT-19', 'title ne null', 'ada'],
  ['FLT-20', 'title pr or userType eq "Intern" and active eq false', 'ada'],
  ['FLT-21', 'not (active eq true) and userName sw "É"', 'eve'],
  ['FLT-22', '((title pr or userType eq "Intern")) and userName sw "bob"', 'bob'],
  ['FLT-23', 'not(userType pr)', 'eve'],
  ['FLT-23', 'not (userType pr)', 'eve'],
  ['FLT-24', `${userUrn.toUpperCase()}:userName sw "B"`, 'bob'],
  ['FLT-25', `${enterpriseUrn}:department eq "sales"`, 'bob'],
  ['FLT-25', `${enterpriseUrn}:manager.value eq "{ada}"`, 'bob'],
  ['ENT-05', `${enterpriseUrn}:manager.value eq "{ADA}"`, ''],
  ['FLT-26', 'emails.value co "example.org"', 'ada'],
  ['FLT-27', 'emails co "example.com"', 'ada bob'],
  ['FLT-28', 'emails[type eq "work" and value co "@example.com"]', 'bob'],
  ['FLT-28', 'emails[primary eq true]', 'ada'],
  ['MV-02', 'emails[primary eq false]', 'ada bob'],
  ['FLT-29', 'emails[type eq "home"] or ims[type eq "xmpp" and value co "@foo.com"]', 'ada bob'],
  ['FLT-29', 'userType eq "Employee" and emails[type eq "work"]', 'ada'],
  ['FLT-29', 'not (emails[type eq "work"])', 'eve'],
  ['FLT-30', 'emails[not (type eq "home") and (value pr or display pr)]', 'ada bob'],
  ['FLT-32', 'emails[type eq "work"].value eq "ada@example.org"', 'ada'],
  ['FLT-32', 'emails[type eq "home"].value eq "ada@example.org"', ''],
  ['FLT-38', 'id eq "{bob}"', 'bob'],
  ['FLT-38', 'externalId eq "ABC"', 'ada'],
  ['FLT-38', 'meta.resourceType eq "User"', 'ada bob eve'],
  ['FLT-38', 'meta.resourceType eq "Group"', ''],
  ['FLT-38', 'meta.location eq "{location}"', 'bob'],
  ['FLT-39', 'active eq true', 'ada bob'],
  ['FLT-40', 'userName eq "ÉTIENNE"', 'eve'],
  ['FLT-44', 'userName sw ".*"', ''],
  ['FLT-44', 'userName co "("', ''],
  ['FLT-44', 'userName eq "{\\"$gt\\":\\"\\"}"', ''],
  ['FLT-46', 'userName   eq   "bob@example.com"', 'bob'],
  ['FLT-46', 'nickName eq "a  b"', 'ada'],
];

/** A number of opening or closing brackets. */
const brackets = (count: number, bracket: string) => bracket.repeat(count);

const refused: readonly (readonly [rows: string, filter: string])[] = [
  ['FLT-15', 'active gt true'],
  ['FLT-15', 'emails[primary le false]'],
  ['FLT-16', 'x509Certificates.value lt "AAAA"'],
  ['FLT-23', 'not userName eq "a"'],
  ['FLT-31', 'emails[value[type eq "x"]]'],
  ['FLT-31', 'emails[type.value eq "x"]'],
  ['FLT-33', 'userName regex "a.*"'],
  ['FLT-33', 'userName eq "a" xor userName eq "b"'],
  ['FLT-34', '(userName pr'],
  ['FLT-34', 'userName eq'],
  ['FLT-34', 'userName eq "a" and'],
  ['FLT-34', 'userName eq bjensen'],
  ['FLT-34', 'eq "a"'],
  ['FLT-34', ''],
  ['FLT-35', 'active co "t"'],
  ['FLT-35', 'meta.created sw "2011"'],
  ['FLT-35', 'name eq "x"'],
  ['FLT-36', 'hairColor eq "red"'],
  ['FLT-36', 'hairColor eq "red" or userName pr'],
  ['FLT-45', `${brackets(200, '(')}userName pr${brackets(200, ')')}`],
  ['FLT-45', Array.from({ length: 200 }, () => 'title pr').join(' or ')],
  ['FLT-45', `userName eq "${'x'.repeat(100_000)}"`],
  ['FLT-47', 'userName eq 007'],
  ['FLT-47', 'active eq +1'],
];

eachProfile(rollcall, 'filters', async ({ scim, strict }) => {
  const people = await createPeople(scim);
  const { ada, bob } = people;
  const nameOf = new Map(Object.entries(people).map(([name, { id }]) => [id, name]));
  const created = new Date(ada.meta.created);
  /** The same instant, as told two hours to the east. */
  const elsewhere = new Date(created.getTime() + 7_200_000).toISOString().replace('Z', '+02:00');
  const fill = (filter: string) =>
    filter
      .replace('{ada}', ada.id)
      .replace('{ADA}', ada.id.toUpperCase())
      .replace('{bob}', bob.id)
      .replace('{location}', bob.meta.location)
      .replace('{created}', ada.meta.created)
      .replace('{elsewhere}', elsewhere);

  for (const [rows, filter, expected] of found) {
    test(`find: ${filter} (${rows})`, async () => {
      const { status, body } = await scim('GET', `/Users?${filtered(fill(filter))}`);
      assert.equal(status, 200, JSON.stringify(body));
      const names = ids(body.Resources).map((id) => nameOf.get(id));
      assert.deepEqual(names.sort(), expected.split(' ').filter(Boolean));
      assert.equal(body.totalResults, names.length);
    });
  }

  for (const [rows, filter] of refused) {
    test(`are refused: ${filter.slice(0, 60)} (${rows})`, async () => {
      const answer = await scim('GET', `/Users?${filtered(filter)}`);
      assertError(answer, 400, 'invalidFilter');
    });
  }

  test('the place of an operator that does not exist is told, and what there is (FLT-33)', async () => {
    const { body } = await scim('GET', `/Users?${filtered('userName regex "a.*"')}`);
    assert.match(body.detail, /^Character 10 .* operator; use eq, ne, /);
  });

  test('truth values in quotes are refused, and understood when not strict (FLT-17)', async () => {
    const answer = await scim('GET', `/Users?${filtered('active eq "False"')}`);
    if (strict) assertError(answer, 400, 'invalidFilter');
    else assert.deepEqual(ids(answer.body.Resources), [people.eve.id]);
  });

  test('empty text is not present (NUL-04)', async () => {
    const { id } = await createUser(scim, { userType: '' });
    const isFound = async (filter: string) =>
      ids((await scim('GET', `/Users?${filtered(`id eq "${id}" and ${filter}`)}`)).body.Resources).length > 0;
    assert.equal(await isFound('userType pr'), false);
    assert.equal(await isFound('not (userType pr)'), true);
    assert.equal((await scim('DELETE', `/Users/${id}`)).status, 204);
  });

  test('on a password tell nothing, however they are asked (FLT-41, SEC-09)', async () => {
    const { id } = await createUser(scim, { password: 't1meMa$heen' });
    const search = { schemas: ['urn:ietf:params:scim:api:messages:2.0:SearchRequest'] };
    for (const filter of [
      'password eq "t1meMa$heen"',
      'password pr',
      'password sw "t"',
      `id eq "${id}" and not (password eq "x")`,
      `${userUrn}:PASSWORD ne null`,
    ]) {
      assertError(await scim('GET', `/Users?${filtered(filter)}`), 403, 'sensitive');
      assertError(await scim('POST', '/Users/.search', { ...search, filter }), 400, 'invalidFilter');
    }
    assert.equal((await scim('DELETE', `/Users/${id}`)).status, 204);
  });

  test('find groups by name and member (FLT-42)', async () => {
    const group = await createGroup(scim, { displayName: 'Tour Guides', members: [{ value: bob.id }] });
    for (const filter of [
      'displayName eq "tour guides"',
      `members[value eq "${bob.id}"]`,
      `members.value eq "${bob.id}"`,
      `members eq "${bob.id}" and displayName sw "Tour"`,
    ]) {
      const { body } = await scim('GET', `/Groups?${filtered(filter)}`);
      assert.deepEqual(ids(body.Resources), [group.id], filter);
    }
    const { body } = await scim('GET', `/Users?${filtered(`groups eq "${group.id}"`)}`);
    assert.deepEqual(ids(body.Resources), [bob.id]);
    const none = await scim('GET', `/Groups?${filtered('members pr and displayName ne "tour guides"')}`);
    assert.equal(none.body.totalResults, 0);
  });
});
