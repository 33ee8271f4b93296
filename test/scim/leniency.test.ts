import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { leniencyRules } from '../../gateway/repairs/leniency.ts';
import { startRollcall } from '../support/rollcall.ts';
import { type ScimClient, scimOf } from '../support/scim-client.ts';
import {
  assertError,
  createGroup,
  createUser,
  enterpriseUrn,
  filtered,
  groupBody,
  groupUrn,
  ids,
  patchBody,
  patched,
  userBody,
  userUrn,
} from './scim-fixture.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());
const lenient = scimOf(await rollcall.connect());
const strict = scimOf(await rollcall.connect({ strict: true }));

/** The outermost of a certificate: a sequence of three bytes. */
const oneCertificate = Buffer.from([0x30, 0x03, 1, 2, 3]).toString('base64');
const twoCertificates = Buffer.from([0x30, 0x03, 1, 2, 3, 0x30, 0x03, 1, 2, 3]).toString('base64');
const misformed: readonly Record<string, unknown>[] = [
  ...['USA', 'ZZ', 'EU', 'AB', 'UK'].map((country) => ({ addresses: [{ type: 'home', country }] })),
  { locale: 'x y' },
  { x509Certificates: [{ value: twoCertificates }] },
];

/** What each rule of the table says, proven on a connection that is not strict and on one that is. */
const proofs: Readonly<Record<string, { lenient(): Promise<void>; strict(): Promise<void> }>> = {
  missingSchemas: {
    async lenient() {
      assert.equal((await lenient('POST', '/Users', userBody({ schemas: undefined }))).status, 201);
      const { id } = await createUser(lenient);
      const { Operations } = patchBody({ op: 'add', path: 'title', value: 'x' }) as { Operations: unknown };
      assert.equal((await lenient('PATCH', `/Users/${id}`, { Operations })).body.title, 'x');
    },
    async strict() {
      assertError(await strict('POST', '/Users', userBody({ schemas: undefined })), 400, 'invalidSyntax');
    },
  },
  unknownSchemas: {
    async lenient() {
      const group = await createGroup(lenient, {
        schemas: [groupUrn, 'http://schemas.example.com/2006/Group'],
      });
      assert.deepEqual(group.schemas, [groupUrn]);
    },
    async strict() {
      const schemas = [groupUrn, 'http://schemas.example.com/2006/Group'];
      assertError(await strict('POST', '/Groups', groupBody({ schemas })), 400, 'invalidSyntax');
    },
  },
  legacyUrns: {
    async lenient() {
      const user = await createUser(lenient, {
        schemas: ['urn:scim:schemas:core:2.0', 'urn:scim:schemas:extension:enterprise:2.0'],
        'urn:scim:schemas:extension:enterprise:2.0': { department: 'R' },
      });
      assert.deepEqual([user.schemas, user[enterpriseUrn]], [[userUrn, enterpriseUrn], { department: 'R' }]);
      const path = 'urn:scim:schemas:extension:enterprise:2.0:department';
      const body = await patched(lenient, `/Users/${user.id}`, { op: 'replace', path, value: 'S' });
      assert.deepEqual(body[enterpriseUrn], { department: 'S' });
    },
    async strict() {
      const body = userBody({ schemas: ['urn:scim:schemas:core:2.0'] });
      assertError(await strict('POST', '/Users', body), 400, 'invalidSyntax');
    },
  },
  unknownAttribute: {
    async lenient() {
      const { id, hairColor } = await createUser(lenient, { hairColor: 'red' });
      assert.equal(hairColor, undefined);
      const value = { hairColor: 'red', title: 'x' };
      assert.equal((await patched(lenient, `/Users/${id}`, { op: 'replace', value })).title, 'x');
      const alone = patchBody({ op: 'replace', value: { hairColor: 'red' } });
      assertError(await lenient('PATCH', `/Users/${id}`, alone), 400, 'invalidSyntax');
    },
    async strict() {
      assertError(await strict('POST', '/Users', userBody({ hairColor: 'red' })), 400, 'invalidSyntax');
      const { id } = await createUser(strict);
      const known = { op: 'add', path: 'title', value: 'x' };
      const body = patchBody(known, { op: 'add', path: 'hairColor', value: 'red' });
      assertError(await strict('PATCH', `/Users/${id}`, body), 400, 'invalidPath');
    },
  },
  bareExtensionAttributes: {
    async lenient() {
      const user = await createUser(lenient, { department: 'R', manager: null, costCenter: '1' });
      assert.deepEqual(user[enterpriseUrn], { department: 'R', costCenter: '1' });
      const body = await patched(
        lenient,
        `/Users/${user.id}`,
        { op: 'Add', path: 'manager', value: [{ value: 'm-bare' }] },
        { op: 'replace', value: { division: 'D' } },
      );
      assert.deepEqual([body[enterpriseUrn].manager.value, body[enterpriseUrn].division], ['m-bare', 'D']);
      const { body: found } = await lenient(
        'GET',
        `/Users?${filtered('manager eq "m-bare" and title ne "manager"')}`,
      );
      assert.deepEqual(ids(found.Resources), [user.id]);
    },
    async strict() {
      assertError(await strict('POST', '/Users', userBody({ department: 'R' })), 400, 'invalidSyntax');
      assertError(await strict('GET', `/Users?${filtered('manager eq "m"')}`), 400, 'invalidFilter');
    },
  },
  textBooleans: {
    async lenient() {
      for (const [text, value] of [
        ['True', true],
        ['False', false],
        ['true', true],
        ['false', false],
      ] as const) {
        const roles = [{ value: 'r', primary: text }];
        const user = await createUser(lenient, { active: text, roles });
        assert.deepEqual([user.active, user.roles], [value, [{ value: 'r', primary: value }]]);
        for (const operation of [
          { op: 'Replace', path: 'active', value: text },
          { op: 'replace', value: { active: text } },
          { op: 'Add', path: 'active', value: text },
          { op: 'replace', path: `${userUrn}:active`, value: text },
          { op: 'replace', value: { [`${userUrn}:active`]: text } },
        ]) {
          const flipped = await createUser(lenient, { active: !value });
          assert.equal((await patched(lenient, `/Users/${flipped.id}`, operation)).active, value);
        }
        const put = await lenient('PUT', `/Users/${user.id}`, { ...user, active: text });
        assert.equal(put.body.active, value);
        const { body } = await lenient(
          'GET',
          `/Users?${filtered(`id eq "${user.id}" and active eq "${text}"`)}`,
        );
        assert.equal(body.totalResults, 1);
      }
      const user = await createUser(lenient);
      const paths = ['value', 'display'].map((sub) => ({
        op: 'Add',
        path: `roles[primary eq "True"].${sub}`,
        value: sub,
      }));
      const { roles } = await patched(lenient, `/Users/${user.id}`, ...paths);
      assert.deepEqual(roles, [{ value: 'value', display: 'display', primary: true }]);
    },
    async strict() {
      assertError(await strict('POST', '/Users', userBody({ active: 'True' })), 400, 'invalidValue');
      assertError(await strict('GET', `/Users?${filtered('active eq "True"')}`), 400, 'invalidFilter');
    },
  },
  emptyText: {
    async lenient() {
      const user = await createUser(lenient, {
        title: '',
        nickName: 'N',
        name: { givenName: '', familyName: 'F' },
      });
      assert.deepEqual([user.title, user.name], [undefined, { familyName: 'F' }]);
      const body = await patched(lenient, `/Users/${user.id}`, {
        op: 'replace',
        path: 'nickName',
        value: '',
      });
      assert.ok(!('nickName' in body));
    },
    async strict() {
      assert.equal((await createUser(strict, { title: '' })).title, '');
    },
  },
  valueAlone: {
    async lenient() {
      const { id } = await createUser(lenient);
      const path = `${enterpriseUrn}:manager`;
      const managerAfter = async (op: string, value: unknown) => {
        const body = await patched(lenient, `/Users/${id}`, { op, path, value });
        return body[enterpriseUrn]?.manager?.value;
      };
      for (const value of ['m1', ['m2'], [{ value: 'm3' }], { value: 'm4' }]) {
        assert.equal(await managerAfter('Add', value), JSON.stringify(value).match(/m\d/)?.[0]);
      }
      for (const cleared of ['', { value: '' }, { value: null }, null, []]) {
        await managerAfter('Replace', 'm5');
        assert.equal(await managerAfter('Replace', cleared), undefined, JSON.stringify(cleared));
      }
      const user = await createUser(lenient, { [enterpriseUrn]: { manager: 'm6' } });
      assert.equal(user[enterpriseUrn].manager.value, 'm6');
      assert.deepEqual(ids((await createGroup(lenient, { members: [user.id] })).members), [user.id]);
    },
    async strict() {
      const body = userBody({ [enterpriseUrn]: { manager: 'm' } });
      assertError(await strict('POST', '/Users', body), 400, 'invalidValue');
    },
  },
  valueInObject: {
    async lenient() {
      const { id } = await createUser(lenient);
      const operation = (path: string, value: string) => ({
        op: 'Replace',
        path,
        value: [{ $ref: null, value }],
      });
      const user = await patched(
        lenient,
        `/Users/${id}`,
        operation('title', 'T'),
        operation('name.familyName', 'F'),
        operation('active', 'False'),
        { op: 'replace', value: { nickName: { value: 'N' } } },
      );
      assert.deepEqual(
        [user.title, user.name, user.active, user.nickName],
        ['T', { familyName: 'F' }, false, 'N'],
      );
    },
    async strict() {
      const user = await createUser(strict);
      const body = patchBody({ op: 'replace', path: 'title', value: [{ value: 'T' }] });
      assertError(await strict('PATCH', `/Users/${user.id}`, body), 400, 'invalidValue');
    },
  },
  oneWithoutList: {
    async lenient() {
      const user = await createUser(lenient, { emails: { value: 'a@example.com' } });
      assert.deepEqual(user.emails, [{ value: 'a@example.com' }]);
    },
    async strict() {
      const body = userBody({ emails: { value: 'a@example.com' } });
      assertError(await strict('POST', '/Users', body), 400, 'invalidValue');
    },
  },
  wrappedList: {
    async lenient() {
      const [user, group] = [await createUser(lenient), await createGroup(lenient)];
      const operation = { op: 'add', path: 'members', value: { members: [{ value: user.id }] } };
      assert.deepEqual(ids((await patched(lenient, `/Groups/${group.id}`, operation)).members), [user.id]);
    },
    async strict() {
      const [user, group] = [await createUser(strict), await createGroup(strict)];
      const body = patchBody({ op: 'add', path: 'members', value: { members: [{ value: user.id }] } });
      assertError(await strict('PATCH', `/Groups/${group.id}`, body), 400, 'invalidValue');
    },
  },
  unfoldedKeys: {
    async lenient() {
      const { id } = await createUser(lenient, { emails: [{ value: 'old@example.com', type: 'work' }] });
      const value = {
        displayName: 'D',
        'name.givenName': 'G',
        'emails[type eq "work"].value': 'new@example.com',
        [`${enterpriseUrn}:department`]: 'R',
      };
      const body = await patched(lenient, `/Users/${id}`, { op: 'replace', value });
      assert.deepEqual([body.displayName, body.name], ['D', { givenName: 'G' }]);
      assert.deepEqual([body.emails[0].value, body[enterpriseUrn]], ['new@example.com', { department: 'R' }]);
      assert.ok(Object.keys(body).every((key) => key.startsWith('urn:') || !/[.[]/.test(key)));
    },
    async strict() {
      const { id } = await createUser(strict);
      for (const key of ['name.givenName', `${enterpriseUrn}:department`, 'emails[type eq "work"].value']) {
        const body = patchBody({ op: 'replace', value: { title: 'x', [key]: 'x' } });
        assertError(await strict('PATCH', `/Users/${id}`, body), 400, 'invalidPath');
      }
    },
  },
  removalByValue: {
    async lenient() {
      const emails = ['a', 'b', 'c'].map((name) => ({ value: `${name}@example.com` }));
      const { id } = await createUser(lenient, { emails });
      const remove = (value: unknown) =>
        patched(lenient, `/Users/${id}`, { op: 'Remove', path: 'emails', value });
      assert.deepEqual((await remove([emails[0], { value: 'nope' }])).emails, emails.slice(1));
      for (const nobody of [[], [''], [{ value: '' }], [{ value: null }], { emails: [emails[0]] }])
        assert.deepEqual((await remove(nobody)).emails, emails.slice(1), JSON.stringify(nobody));
      assert.equal((await remove(undefined)).emails, undefined);
    },
    async strict() {
      const user = await createUser(strict);
      const group = await createGroup(strict, { members: [{ value: user.id }] });
      for (const value of [[{ value: user.id }], []]) {
        const body = patchBody({ op: 'remove', path: 'members', value });
        assertError(await strict('PATCH', `/Groups/${group.id}`, body), 400, 'invalidValue');
      }
    },
  },
  echoedReadOnly: {
    async lenient() {
      const user = await createUser(lenient);
      const value = { id: user.id, meta: user.meta, schemas: user.schemas, title: 'x' };
      assert.equal((await patched(lenient, `/Users/${user.id}`, { op: 'replace', value })).title, 'x');
      const other = patchBody({ op: 'replace', value: { id: 'other', title: 'y' } });
      assertError(await lenient('PATCH', `/Users/${user.id}`, other), 400, 'mutability');
    },
    async strict() {
      const { id } = await createUser(strict);
      const body = patchBody({ op: 'replace', value: { id, title: 'x' } });
      assertError(await strict('PATCH', `/Users/${id}`, body), 400, 'mutability');
    },
  },
  textFormat: {
    async lenient() {
      for (const attributes of misformed) {
        const user = await createUser(lenient, attributes);
        for (const [name, value] of Object.entries(attributes)) assert.deepEqual(user[name], value);
      }
    },
    async strict() {
      const user = await createUser(strict, {
        addresses: [{ type: 'work', country: 'US' }],
        locale: 'en_US',
        profileUrl: 'not a url',
        photos: [{ value: '/ada.png' }],
        x509Certificates: [{ value: oneCertificate }],
      });
      const path = `/Users/${user.id}`;
      for (const attributes of misformed) {
        assertError(await strict('POST', '/Users', userBody(attributes)), 400, 'invalidValue');
        assertError(await strict('PUT', path, userBody(attributes)), 400, 'invalidValue');
        const operation = { op: 'add', value: attributes };
        assertError(await strict('PATCH', path, patchBody(operation)), 400, 'invalidValue');
      }
      const operation = { op: 'replace', path: 'addresses[type eq "work"].country', value: 'USA' };
      assertError(await strict('PATCH', path, patchBody(operation)), 400, 'invalidValue');
      assert.deepEqual((await strict('GET', path)).body, user);
    },
  },
  bulkSpelling: {
    lenient: () => bulkWithOtherSpelling(lenient, '204'),
    strict: () => bulkWithOtherSpelling(strict, '400'),
  },
  onNoTarget: {
    async lenient() {
      const { id } = await createUser(lenient);
      const body = await patched(
        lenient,
        `/Users/${id}`,
        { op: 'Replace', path: 'phoneNumbers[type eq "mobile"].value', value: '1' },
        { op: 'Add', path: 'addresses[type eq "work"].country', value: 'DE' },
        { op: 'Add', path: 'addresses[type eq "work"].locality', value: 'B' },
      );
      assert.deepEqual(body.phoneNumbers, [{ value: '1', type: 'mobile' }]);
      assert.deepEqual(body.addresses, [{ type: 'work', country: 'DE', locality: 'B' }]);
    },
    async strict() {
      const { id } = await createUser(strict);
      for (const op of ['add', 'replace']) {
        const body = patchBody({ op, path: 'phoneNumbers[type eq "mobile"].value', value: '1' });
        assertError(await strict('PATCH', `/Users/${id}`, body), 400, 'noTarget');
      }
    },
  },
  groupWithoutMembers: {
    lenient: () => putWithoutMembers(lenient, 1),
    strict: () => putWithoutMembers(strict, 0),
  },
  groupNames: {
    async lenient() {
      const { displayName } = await createGroup(lenient);
      const again = groupBody({ displayName: displayName.toUpperCase() });
      assertError(await lenient('POST', '/Groups', again), 409, 'uniqueness');
    },
    async strict() {
      const { displayName } = await createGroup(strict);
      await createGroup(strict, { displayName });
    },
  },
};

async function putWithoutMembers(scim: ScimClient, left: number): Promise<void> {
  const user = await createUser(scim);
  const group = await createGroup(scim, { members: [{ value: user.id }] });
  for (const members of [undefined, null]) {
    const put = await scim('PUT', `/Groups/${group.id}`, groupBody({ members }));
    assert.deepEqual([put.status, put.body.members?.length ?? 0], [200, left]);
  }
}

async function bulkWithOtherSpelling(scim: ScimClient, expected: string): Promise<void> {
  const [a, b] = [await createUser(scim), await createUser(scim)];
  const { body } = await scim('POST', '/Bulk', {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:BulkRequest'],
    Operations: [
      { method: 'delete', path: `/Users/${a.id}` },
      { method: 'DELETE', path: `Users/${b.id}` },
    ],
  });
  const statuses = body.Operations.map(({ status }: { status: string }) => status);
  assert.deepEqual(statuses, [expected, expected]);
}

suite('the table of differences', () => {
  test('has a proof for every rule, and no proof without a rule', () => {
    assert.deepEqual(Object.keys(proofs).sort(), Object.keys(leniencyRules).sort());
  });
  for (const [rule, proof] of Object.entries(proofs)) {
    const { input, lenient: byDefault, strict: byTheRfc } = leniencyRules[rule] ?? {};
    test(`${rule}: ${input}: ${byDefault}`, proof.lenient);
    test(`${rule}, strict: ${byTheRfc}`, proof.strict);
  }
});
