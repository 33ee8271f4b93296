import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { startRollcall } from '../support/rollcall.ts';
import { scimOf } from '../support/scim-client.ts';
import {
  assertError,
  createGroup,
  createUser,
  enterpriseUrn,
  filtered,
  ids,
  userUrn,
} from './scim-fixture.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());
const scim = scimOf(await rollcall.connect());

const ada = await createUser(scim, {
  userName: 'Ada@example.com',
  externalId: 'ABC',
  displayName: 'He said "hi" é',
  name: { givenName: 'Ada', familyName: 'Jensen' },
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

const people = new Map([
  [ada.id, 'ada'],
  [bob.id, 'bob'],
  [eve.id, 'eve'],
]);

const found: readonly (readonly [string, string, string])[] = [
  ['FLT-01', 'userName eq "ada@example.com"', 'ada'],
  ['FLT-02', 'USERNAME eq "Ada@example.com"', 'ada'],
  ['FLT-03', 'userName EQ "ada@example.com" AND active PR', 'ada'],
  ['FLT-03', 'NOT (active Eq True) Or title Pr', 'ada eve'],
  ['FLT-04', 'userName eq "ADA@EXAMPLE.COM"', 'ada'],
  ['FLT-05', 'externalId eq "abc"', 'bob'],
  ['FLT-05', 'meta.resourceType eq "user"', ''],
  ['FLT-06', 'userType ne "Employee"', 'bob eve'],
  ['FLT-07', 'name.familyName co "ENS"', 'ada'],
  ['FLT-08', 'userName sw "bob@example.com"', 'bob'],
  ['FLT-09', 'name.familyName ew "sen"', 'ada'],
  ['FLT-10, NUL-01', 'title pr', 'ada'],
  ['FLT-11', 'name pr', 'ada bob'],
  ['FLT-11, NUL-01', 'emails pr', 'ada bob'],
  ['FLT-12', 'userName ge "b"', 'bob eve'],
  ['FLT-12', 'userName lt "B"', 'ada'],
  ['FLT-13', 'meta.lastModified gt "2011-05-13T04:42:34+02:00"', 'ada bob eve'],
  ['FLT-13', `meta.created lt "${ada.meta.created}"`, ''],
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
  ['FLT-25', `${enterpriseUrn}:manager.value eq "${ada.id}"`, 'bob'],
  ['ENT-05', `${enterpriseUrn}:manager.value eq "${ada.id.toUpperCase()}"`, ''],
  ['FLT-26', 'emails.value co "example.org"', 'ada'],
  ['FLT-27', 'emails co "example.com"', 'ada bob'],
  ['FLT-28', 'emails[type eq "work" and value co "@example.com"]', 'bob'],
  ['FLT-29', 'emails[type eq "home"] or ims[type eq "xmpp" and value co "@foo.com"]', 'ada bob'],
  ['FLT-29', 'userType eq "Employee" and emails[type eq "work"]', 'ada'],
  ['FLT-29', 'not (emails[type eq "work"])', 'eve'],
  ['FLT-30', 'emails[not (type eq "home") and (value pr or display pr)]', 'ada bob'],
  ['FLT-32', 'emails[type eq "work"].value eq "ada@example.org"', 'ada'],
  ['FLT-32', 'emails[type eq "home"].value eq "ada@example.org"', ''],
  ['FLT-38', `id eq "${bob.id}"`, 'bob'],
  ['FLT-38', 'meta.resourceType eq "User"', 'ada bob eve'],
  ['FLT-39', 'active eq true', 'ada bob'],
  ['FLT-40', 'userName eq "ÉTIENNE"', 'eve'],
  ['FLT-44', 'userName sw ".*"', ''],
  ['FLT-44', 'userName co "("', ''],
  ['FLT-46', 'userName   eq   "bob@example.com"', 'bob'],
  ['FLT-28', 'emails[primary eq true]', 'ada'],
];

suite('filters find', () => {
  for (const [row, filter, expected] of found) {
    test(`${filter} (${row})`, async () => {
      const { status, body } = await scim('GET', `/Users?${filtered(filter)}`);
      assert.equal(status, 200, JSON.stringify(body));
      const names = ids(body.Resources).map((id) => people.get(id));
      assert.deepEqual(names.sort(), expected.split(' ').filter(Boolean));
      assert.equal(body.totalResults, names.length);
    });
  }

  test('groups by name and member (FLT-42)', async () => {
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
  });
});

suite('filters are refused', () => {
  for (const [row, filter] of [
    ['FLT-15', 'active gt true'],
    ['FLT-16', 'x509Certificates.value lt "AAAA"'],
    ['FLT-23', 'not userName eq "a"'],
    ['FLT-31', 'emails[value[type eq "x"]]'],
    ['FLT-33', 'userName regex "a.*"'],
    ['FLT-34', '(userName pr'],
    ['FLT-34', 'userName eq "a" and'],
    ['FLT-34', 'userName eq bjensen'],
    ['FLT-34', 'eq "a"'],
    ['FLT-35', 'active co "t"'],
    ['FLT-35', 'meta.created sw "2011"'],
    ['FLT-36', 'hairColor eq "red"'],
    ['FLT-36', 'hairColor eq "red" or userName pr'],
    ['FLT-47', 'userName eq 007'],
  ] as const) {
    test(`${filter} (${row})`, async () => {
      assertError(await scim('GET', `/Users?${filtered(filter)}`), 400, 'invalidFilter');
    });
  }
});
