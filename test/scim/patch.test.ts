import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startRollcall } from '../support/rollcall.ts';
import {
  assertError,
  createUser,
  eachProfile,
  enterpriseUrn,
  patchBody,
  patched,
  refusePatch,
  userUrn,
} from './scim-fixture.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());

const emails = [
  { value: 'w@example.com', type: 'work', primary: true, display: 'W' },
  { value: 'h@example.com', type: 'home' },
];

eachProfile(rollcall, 'PATCH', ({ scim, strict }) => {
  test('of a user answers 200 with all of it, or what was asked for (PAT-01, PAT-06, PAT-07)', async () => {
    const user = await createUser(scim);
    const path = `/Users/${user.id}`;
    const answer = await scim('PATCH', path, patchBody({ op: 'replace', path: 'title', value: 'VP' }));
    assert.equal(answer.status, 200);
    assert.equal(answer.body.title, 'VP');
    assert.deepEqual((await scim('GET', path)).body, answer.body);
    assert.equal(answer.headers.get('etag'), answer.body.meta.version);
    assert.ok(Number(answer.headers.get('rollcall-position')) > 0);
    const asked = await scim(
      'PATCH',
      `${path}?attributes=title`,
      patchBody({ op: 'add', path: 'title', value: 'C' }),
    );
    assert.deepEqual(asked.body, { schemas: [userUrn], id: user.id, title: 'C' });
  });

  test('applies operations in order, `op` in any letter case (PAT-05, PAT-08)', async () => {
    const user = await createUser(scim);
    const body = await patched(
      scim,
      `/Users/${user.id}`,
      { op: 'Add', path: 'nickName', value: 'a' },
      { op: 'REPLACE', path: 'nickName', value: 'b' },
      { op: 'remove', path: 'nickName' },
      { op: 'add', path: 'title', value: 'x' },
    );
    assert.deepEqual([body.nickName, body.title], [undefined, 'x']);
  });

  test('is all or nothing, and leaves what is read-only or required (PAT-09, PAT-16, PAT-24, PAT-56, PAT-81, ENT-03, ERR-08)', async () => {
    for (const operation of [
      { op: 'replace', path: 'id', value: 'x' },
      { op: 'replace', path: 'meta.created', value: '1999-01-01T00:00:00Z' },
      { op: 'add', path: 'groups', value: [{ value: 'x' }] },
      { op: 'remove', path: 'userName' },
      { op: 'remove', path: 'id' },
      { op: 'replace', path: 'userName', value: null },
      { op: 'replace', path: `${enterpriseUrn}:manager.displayName`, value: 'x' },
      { op: 'remove', path: 'schemas' },
    ]) {
      await refusePatch(scim, [operation], 400, 'mutability');
    }
  });

  test('refuses a message that is not one (PAT-02, PAT-03, PAT-04)', async () => {
    const { id } = await createUser(scim);
    const Operations = [{ op: 'add', path: 'title', value: 'x' }];
    for (const body of [
      { schemas: [userUrn], Operations },
      { schemas: [], Operations },
      patchBody(),
      { ...patchBody(), Operations: {} },
      { schemas: patchBody() },
      patchBody({ op: 'move', path: 'a', from: 'b' }),
      patchBody({ path: 'title', value: 'x' }),
      patchBody({ op: 'add', path: 5, value: 'x' }),
      { ...patchBody(), Operations: ['text'] },
      [],
    ]) {
      assertError(await scim('PATCH', `/Users/${id}`, body), 400, 'invalidSyntax');
    }
    const without = await scim('PATCH', `/Users/${id}`, { Operations });
    if (strict) assertError(without, 400, 'invalidSyntax');
    else assert.equal(without.body.title, 'x');
  });

  test('names the operation that is wrong, from 0', async () => {
    const detail = await refusePatch(
      scim,
      [{ op: 'replace', path: 'active', value: 'maybe' }],
      400,
      'invalidValue',
    );
    assert.match(detail, /^Operation 1: active /);
  });

  test('refuses paths that are not paths, and has no index into lists (PAT-10, PAT-15, ERR-10)', async () => {
    for (const path of [
      '[',
      '',
      'name.',
      'name.givenName.x',
      'emails[',
      'emails[type eq "work"',
      'title[value eq "x"]',
      'a b',
      '1x',
      'emails.0.value',
      'emails[type eq "work"].value.x',
    ]) {
      const operation = { op: 'replace', path, value: 'x' };
      const { id } = await createUser(scim, { emails });
      assertError(await scim('PATCH', `/Users/${id}`, patchBody(operation)), 400, 'invalidPath');
      // Beside what is known, parts that do not exist are left out when not strict, as unknown attributes are.
      if (strict) await refusePatch(scim, [operation], 400, 'invalidPath');
    }
  });

  test('refuses filters in paths that are not filters (PAT-11, PAT-15, ERR-05)', async () => {
    for (const path of [
      'emails[0]',
      'emails[type]',
      'emails[type xx "work"].value',
      'emails[nope eq "x"]',
      'emails[type eq work].value',
      'emails[primary gt true]',
    ]) {
      await refusePatch(scim, [{ op: 'replace', path, value: 'x' }], 400, 'invalidFilter');
    }
  });

  test('refuses values of the wrong type (PAT-19, ERR-12)', async () => {
    for (const operation of [
      { op: 'replace', path: 'active', value: 'maybe' },
      { op: 'replace', path: 'active', value: 1 },
      { op: 'add', path: 'title', value: { value: 'x' } },
      { op: 'add', path: 'title', value: 5 },
      { op: 'replace', path: 'name', value: 'Ada' },
      { op: 'add', path: 'emails', value: [{ value: true }] },
      { op: 'replace', path: 'emails[type eq "work"].primary', value: 'x' },
      { op: 'add', value: { userName: ['x', 'y'] } },
    ]) {
      await refusePatch(scim, [operation], 400, 'invalidValue');
    }
    const { id } = await createUser(scim);
    const text = patchBody({ op: 'replace', path: 'active', value: 'False' });
    const answer = await scim('PATCH', `/Users/${id}`, text);
    if (strict) assertError(answer, 400, 'invalidValue');
    else assert.equal(answer.body.active, false);
  });

  test('by a filter that selects nothing is refused, or when not strict makes the value (PAT-39, PAT-77, ERR-11)', async () => {
    for (const op of ['add', 'replace']) {
      const operation = { op, path: 'phoneNumbers[type eq "mobile"].value', value: '1' };
      if (strict) {
        await refusePatch(scim, [operation], 400, 'noTarget');
      } else {
        const { id } = await createUser(scim);
        const { phoneNumbers } = await patched(scim, `/Users/${id}`, operation);
        assert.deepEqual(phoneNumbers, [{ type: 'mobile', value: '1' }]);
      }
    }
    const { id } = await createUser(scim, { emails });
    const operation = { op: 'add', path: 'emails[type eq "home"].value', value: 'n@example.com' };
    const body = await patched(scim, `/Users/${id}`, operation);
    assert.deepEqual(body.emails, [emails[0], { value: 'n@example.com', type: 'home' }]);
  });

  test('refuses an unknown attribute when it is all there is (PAT-20)', async () => {
    const user = await createUser(scim);
    const unknown = { op: 'replace', path: 'hairColor', value: 'x' };
    assertError(await scim('PATCH', `/Users/${user.id}`, patchBody(unknown)), 400, 'invalidPath');
  });

  test('applies what it knows beside what it does not know, or refuses it when strict (PAT-20)', async () => {
    const user = await createUser(scim);
    const operations = [
      { op: 'replace', path: 'hairColor', value: 'x' },
      { op: 'add', path: 'urn:example:params:scim:schemas:extension:2.0:User:shoeSize', value: 5 },
      { op: 'replace', value: { eyeColor: 'x', title: 'known' } },
    ];
    if (strict) {
      for (const operation of operations) {
        const answer = await scim('PATCH', `/Users/${user.id}`, patchBody(operation));
        assertError(answer, 400, 'path' in operation ? 'invalidPath' : 'invalidSyntax');
      }
      return;
    }
    const body = await patched(scim, `/Users/${user.id}`, ...operations);
    const { meta, ...rest } = user;
    assert.deepEqual({ ...body, meta }, { ...rest, title: 'known', meta });
  });

  test('finds attributes by name in any letter case and by URN (PAT-12)', async () => {
    const user = await createUser(scim);
    const body = await patched(
      scim,
      `/Users/${user.id}`,
      { op: 'add', path: `${enterpriseUrn.toUpperCase()}:Department`, value: 'R' },
      { op: 'add', path: `${userUrn}:NICKNAME`, value: 'N' },
      { op: 'add', path: 'NAME.familyname', value: 'F' },
      { op: 'add', path: `${enterpriseUrn}:manager.value`, value: 'm' },
    );
    assert.deepEqual(
      [body[enterpriseUrn].department, body.nickName, body.name],
      ['R', 'N', { familyName: 'F' }],
    );
    assert.equal(body[enterpriseUrn].manager.value, 'm');
  });

  test('adds and removes an extension with its schema (PAT-13, PAT-14, PAT-23)', async () => {
    const user = await createUser(scim);
    const path = `/Users/${user.id}`;
    const added = await patched(
      scim,
      path,
      { op: 'add', path: 'schemas', value: [enterpriseUrn] },
      { op: 'add', path: `${enterpriseUrn}:employeeNumber`, value: '701984' },
    );
    assert.deepEqual(added.schemas, [userUrn, enterpriseUrn]);
    const whole = await patched(scim, path, {
      op: 'replace',
      path: enterpriseUrn,
      value: { department: 'D' },
    });
    assert.deepEqual(whole[enterpriseUrn], { employeeNumber: '701984', department: 'D' });
    const removed = await patched(scim, path, { op: 'remove', path: enterpriseUrn });
    assert.deepEqual([removed.schemas, removed[enterpriseUrn]], [[userUrn], undefined]);
  });

  test('keeps one primary value (PAT-18)', async () => {
    const user = await createUser(scim, { emails });
    const path = `/Users/${user.id}`;
    const primary = ({ emails: list }: { emails: { value: string; primary?: boolean }[] }) =>
      list.filter((email) => email.primary).map(({ value }) => value);
    const added = await patched(scim, path, {
      op: 'add',
      path: 'emails',
      value: [{ value: 'n@example.com', primary: true }],
    });
    assert.deepEqual([added.emails.length, primary(added)], [3, ['n@example.com']]);
    const moved = await patched(scim, path, {
      op: 'replace',
      path: 'emails[type eq "work"].primary',
      value: true,
    });
    assert.deepEqual(primary(moved), ['w@example.com']);
  });

  test('refuses a taken userName and leaves the user alone (PAT-22, ERR-07)', async () => {
    const { userName } = await createUser(scim);
    await refusePatch(scim, [{ op: 'replace', path: 'userName', value: userName }], 409, 'uniqueness');
  });
});

eachProfile(rollcall, 'many operations', ({ scim }) => {
  test('are taken up to 1,000, and refused beyond with 413 and the limit', async () => {
    const user = await createUser(scim);
    const operations = (count: number) =>
      Array.from({ length: count }, (_, index) => ({ op: 'add', path: 'title', value: String(index) }));
    assert.equal((await patched(scim, `/Users/${user.id}`, ...operations(1_000))).title, '999');
    const answer = await scim('PATCH', `/Users/${user.id}`, patchBody(...operations(1_001)));
    assertError(answer, 413);
    assert.match(answer.body.detail, /1000/);
  });
});
