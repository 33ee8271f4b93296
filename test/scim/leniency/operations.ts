import assert from 'node:assert/strict';
import type { ScimClient } from '../../support/scim-client.ts';
import { assertError, createGroup, createUser, groupBody, patchBody, patched } from '../scim-fixture.ts';
import type { LeniencyProofs } from './leniency-proofs.ts';

/** Proves the rules about what operations do. */
export function proveOperations(lenient: ScimClient, strict: ScimClient): LeniencyProofs {
  return {
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
    bulkSpelling: {
      lenient: () => bulkWithOtherSpelling(lenient, '204'),
      strict: () => bulkWithOtherSpelling(strict, '400'),
    },
  };
}

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
