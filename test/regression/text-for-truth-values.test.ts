import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { assertError, createUser, filtered, patchBody, patched, userBody } from '../scim/scim-fixture.ts';
import { startRollcall } from '../support/rollcall.ts';
import { type ScimAnswer, scimOf } from '../support/scim-client.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());
const scim = scimOf(await rollcall.connect());
const strict = scimOf(await rollcall.connect({ strict: true }));

// Entra ID sends "True" and "False". Servers kept the text, which any condition takes for true, or refused it: in both cases
// people who had left kept their access.
suite('boolean-as-text', () => {
  for (const text of ['False', 'false', 'FALSE']) {
    test(`boolean-as-text: ${text} is false wherever it stands`, async () => {
      const created = await createUser(scim, {
        active: text,
        emails: [{ value: 'a@example.com', primary: text }],
      });
      assert.deepEqual([created.active, created.emails[0].primary], [false, false]);
      const path = `/Users/${created.id}`;
      const revive = () => patched(scim, path, { op: 'replace', path: 'active', value: true });
      for (const operation of [
        { op: 'Replace', path: 'active', value: text },
        { op: 'Add', path: 'active', value: text },
        { op: 'replace', value: { active: text } },
        { op: 'add', value: { active: text } },
      ]) {
        await revive();
        assert.equal((await patched(scim, path, operation)).active, false, JSON.stringify(operation));
      }
      await revive();
      const { userName } = created;
      const put = await scim('PUT', path, userBody({ userName, active: text }));
      assert.deepEqual([put.status, put.body.active], [200, false]);
      const { body } = await scim(
        'GET',
        `/Users?${filtered(`userName eq "${userName}" and active eq false`)}`,
      );
      assert.equal(body.totalResults, 1);
    });
  }

  test('boolean-as-text: what is no truth value is refused and changes nothing', async () => {
    for (const client of [scim, strict]) {
      const user = await createUser(client);
      const path = `/Users/${user.id}`;
      for (const value of ['maybe', '0', '1', 'no', ' false', 0, 1, [true, false], { no: false }]) {
        for (const operation of [
          { op: 'replace', path: 'active', value },
          { op: 'replace', value: { active: value } },
        ]) {
          assertError(await client('PATCH', path, patchBody(operation)), 400, 'invalidValue');
        }
        assertError(await client('POST', '/Users', userBody({ active: value })), 400, 'invalidValue');
        assertError(await client('PUT', path, userBody({ active: value })), 400, 'invalidValue');
      }
      assert.deepEqual((await client('GET', path)).body, user);
    }
  });

  test('boolean-as-text: a strict connection refuses the text', async () => {
    const user = await createUser(strict);
    const path = `/Users/${user.id}`;
    for (const operation of [
      { op: 'replace', path: 'active', value: 'False' },
      { op: 'replace', value: { active: 'False' } },
      { op: 'add', path: 'roles', value: [{ value: 'r', primary: 'True' }] },
    ]) {
      assertError(await strict('PATCH', path, patchBody(operation)), 400, 'invalidValue');
    }
    assertError(await strict('PUT', path, userBody({ active: 'False' })), 400, 'invalidValue');
    assert.deepEqual((await strict('GET', path)).body, user);
  });
});

// Entra ID asks for the primary role with a text, and reads `active` back: servers found no role, or answered 1 or "true".
suite('quoted-boolean-in-path', () => {
  test('quoted-boolean-in-path: roles[primary eq "True"] makes one role and finds it again', async () => {
    const { id } = await createUser(scim);
    const operation = (op: string, part: string, value: string) => ({
      op,
      path: `roles[primary eq "True"].${part}`,
      value,
    });
    const made = await patched(
      scim,
      `/Users/${id}`,
      operation('Add', 'value', 'Editor'),
      operation('Add', 'display', 'Editors'),
    );
    assert.deepEqual(made.roles, [{ value: 'Editor', display: 'Editors', primary: true }]);
    const found = await patched(scim, `/Users/${id}`, operation('Replace', 'value', 'Owner'));
    assert.deepEqual(found.roles, [{ value: 'Owner', display: 'Editors', primary: true }]);
    assertError(
      await strict(
        'PATCH',
        `/Users/${(await createUser(strict)).id}`,
        patchBody(operation('add', 'value', 'r')),
      ),
      400,
      'invalidFilter',
    );
  });

  test('quoted-boolean-in-path: truth values are answered as such, and published as such', async () => {
    const roles = [{ value: 'r', primary: 'True' }];
    const user = await createUser(scim, { active: 'True', roles });
    const { body: list } = await scim('GET', `/Users?${filtered(`id eq "${user.id}"`)}`);
    for (const {
      active,
      roles: [role],
    } of [user, list.Resources[0], (await scim('GET', `/Users/${user.id}`)).body])
      assert.deepEqual([active, role.primary], [true, true]);
    const { body: schema } = await scim('GET', `/Schemas/${user.schemas[0]}`);
    const active = schema.attributes.find(({ name }: ScimAnswer['body']) => name === 'active');
    assert.equal(active.type, 'boolean');
  });
});
