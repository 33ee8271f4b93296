import assert from 'node:assert/strict';
import type { ScimClient } from '../../support/scim-client.ts';
import {
  assertError,
  createGroup,
  createUser,
  enterpriseUrn,
  filtered,
  ids,
  patchBody,
  patched,
  userBody,
  userUrn,
} from '../scim-fixture.ts';
import type { LeniencyProofs } from './leniency-proofs.ts';

/** The outermost of a certificate: a sequence of three bytes. */
const oneCertificate = Buffer.from([0x30, 0x03, 1, 2, 3]).toString('base64');
const twoCertificates = Buffer.from([0x30, 0x03, 1, 2, 3, 0x30, 0x03, 1, 2, 3]).toString('base64');
const misformed: readonly Record<string, unknown>[] = [
  ...['USA', 'ZZ', 'EU', 'AB', 'UK'].map((country) => ({ addresses: [{ type: 'home', country }] })),
  { locale: 'x y' },
  { x509Certificates: [{ value: twoCertificates }] },
];

/** Proves the rules about how values are written. */
export function proveValues(lenient: ScimClient, strict: ScimClient): LeniencyProofs {
  return {
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
        const listed = { op: 'Add', path: 'title', value: ['T'] };
        assert.equal((await patched(lenient, `/Users/${id}`, listed)).title, 'T');
        const user = await createUser(lenient, { [enterpriseUrn]: { manager: 'm6' } });
        assert.equal(user[enterpriseUrn].manager.value, 'm6');
        assert.deepEqual(ids((await createGroup(lenient, { members: [user.id] })).members), [user.id]);
      },
      async strict() {
        for (const attributes of [{ [enterpriseUrn]: { manager: 'm' } }, { title: ['T'] }])
          assertError(await strict('POST', '/Users', userBody(attributes)), 400, 'invalidValue');
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
          { op: 'replace', value: { nickName: [{ value: 'N' }] } },
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
  };
}
