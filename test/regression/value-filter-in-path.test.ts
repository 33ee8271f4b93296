import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { assertError, createUser, patchBody, patched } from '../scim/scim-fixture.ts';
import { startRollcall } from '../support/rollcall.ts';
import { type ScimAnswer, scimOf } from '../support/scim-client.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());
const scim = scimOf(await rollcall.connect());
const strict = scimOf(await rollcall.connect({ strict: true }));

const email = (type: string) => ({ value: `${type}@example.com`, type });

// Entra ID sends the telephone number of a user who has none to `phoneNumbers[type eq "mobile"].value`. Servers answered
// noTarget for ever, or 200 without storing it.
suite('filter-without-match', () => {
  const parts = {
    phoneNumbers: ['value', 'display'],
    addresses: ['country', 'locality'],
    emails: ['value', 'display'],
  };
  for (const op of ['Add', 'Replace']) {
    for (const [list, [first = '', second = '']] of Object.entries(parts)) {
      test(`filter-without-match: ${op} of two parts of ${list} makes one value`, async () => {
        const { id } = await createUser(scim);
        const operation = (part: string, value: string) => ({
          op,
          path: `${list}[type eq "work"].${part}`,
          value,
        });
        const once = await patched(scim, `/Users/${id}`, operation(first, 'DE'), operation(second, 'B'));
        assert.deepEqual(once[list], [{ type: 'work', [first]: 'DE', [second]: 'B' }]);
        const again = await patched(scim, `/Users/${id}`, operation(first, 'US'));
        assert.deepEqual(again[list], [{ type: 'work', [first]: 'US', [second]: 'B' }]);
      });
    }
  }

  test('filter-without-match: the values that are there stay, and each filter makes its own', async () => {
    const { id } = await createUser(scim, { emails: [email('home')] });
    const body = await patched(
      scim,
      `/Users/${id}`,
      { op: 'Add', path: 'emails[type eq "work"].value', value: 'work@example.com' },
      { op: 'Add', path: 'emails[type eq "other" and primary eq true].value', value: 'other@example.com' },
    );
    assert.deepEqual(body.emails, [email('home'), email('work'), { ...email('other'), primary: true }]);
  });

  test('filter-without-match: without path, as a key (Entra ID with aadOptscim062020)', async () => {
    const { id } = await createUser(scim);
    const value = {
      'emails[type eq "work"].value': 'work@example.com',
      'phoneNumbers[type eq "fax"].value': '1',
    };
    const body = await patched(scim, `/Users/${id}`, { op: 'replace', value });
    assert.deepEqual([body.emails, body.phoneNumbers], [[email('work')], [{ value: '1', type: 'fax' }]]);
  });

  test('filter-without-match: a strict connection says noTarget, and a remove finds nothing to do', async () => {
    const user = await createUser(strict);
    const path = 'phoneNumbers[type eq "mobile"].value';
    for (const op of ['add', 'replace'])
      assertError(
        await strict('PATCH', `/Users/${user.id}`, patchBody({ op, path, value: '1' })),
        400,
        'noTarget',
      );
    const other = await createUser(scim);
    const { phoneNumbers } = await patched(scim, `/Users/${other.id}`, { op: 'Remove', path });
    assert.equal(phoneNumbers, undefined);
  });
});

for (const [kind, client] of Object.entries({ default: scim, strict })) {
  const four = ['a', 'b', 'c', 'd'].map(email);

  // A change of one of several e-mail addresses left only that one.
  test(`replace-by-filter-wipes-others: one of four is changed, ${kind} connection`, async () => {
    const { id } = await createUser(client, { emails: four });
    const changes: readonly [string, unknown, object][] = [
      ['.value', 'new@example.com', { value: 'new@example.com', type: 'b' }],
      ['', { value: 'whole@example.com', type: 'b' }, { value: 'whole@example.com', type: 'b' }],
    ];
    for (const [part, value, expected] of changes) {
      const operation = { op: 'replace', path: `emails[type eq "b"]${part}`, value };
      const { emails } = await patched(client, `/Users/${id}`, operation);
      const [a, , c, d] = four;
      assert.deepEqual(emails, [a, expected, c, d]);
    }
  });

  // Removals were counted out by index before the first was made, so that the second hit the wrong value.
  test(`removals-shift-indexes: the first and third of four go, ${kind} connection`, async () => {
    const removal = (path: string) => ({ op: 'remove', path });
    for (const operations of [
      [removal('emails[type eq "a"]'), removal('emails[type eq "c"]')],
      [removal('emails[value eq "c@example.com"]'), removal('emails[value eq "a@example.com"]')],
      [removal('emails[type eq "a" or type eq "c"]')],
    ]) {
      const { id } = await createUser(client, { emails: four });
      const { emails } = await patched(client, `/Users/${id}`, ...operations);
      assert.deepEqual(
        emails.map(({ type }: ScimAnswer['body']) => type),
        ['b', 'd'],
      );
    }
  });

  // The reference code took a remove with a value for a replace.
  test(`remove-sets-its-value: a value beside a remove is never stored, ${kind} connection`, async () => {
    const { id } = await createUser(client, {
      title: 'x',
      emails: [email('work'), email('home')],
      name: { givenName: 'A', familyName: 'B' },
    });
    const body = await patched(
      client,
      `/Users/${id}`,
      { op: 'Remove', path: 'title', value: 'y' },
      { op: 'Remove', path: 'emails[type eq "work"]', value: 'else@example.com' },
      { op: 'Remove', path: 'emails[type eq "home"].value', value: 'else@example.com' },
      { op: 'Remove', path: 'name.givenName', value: 'C' },
      { op: 'Remove', path: 'nickName', value: 'N' },
    );
    assert.deepEqual(
      [body.title, body.emails, body.name, body.nickName],
      [undefined, [{ type: 'home' }], { familyName: 'B' }, undefined],
    );
  });
}
