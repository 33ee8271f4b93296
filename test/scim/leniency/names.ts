import assert from 'node:assert/strict';
import type { ScimClient } from '../../support/scim-client.ts';
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
} from '../scim-fixture.ts';
import type { LeniencyProofs } from './leniency-proofs.ts';

/** Proves the rules about what names stand for: schemas, attributes and keys. */
export function proveNames(lenient: ScimClient, strict: ScimClient): LeniencyProofs {
  return {
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
        assert.deepEqual(
          [user.schemas, user[enterpriseUrn]],
          [[userUrn, enterpriseUrn], { department: 'R' }],
        );
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
        assert.deepEqual(
          [body.emails[0].value, body[enterpriseUrn]],
          ['new@example.com', { department: 'R' }],
        );
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
  };
}
