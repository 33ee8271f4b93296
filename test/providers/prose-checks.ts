import assert from 'node:assert/strict';
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '#scim/json.ts';
import { at } from './exchange-file.ts';
import type { ScimAnswer } from './scim-request.ts';

/** An answer, or what was read afterwards when the exchange says so under `verify`. */
interface Seen extends ScimAnswer {
  /** Inputs and what was captured. */
  readonly variables: Readonly<Record<string, string>>;
  /** Reads a path below the base URL. */
  get(path: string): Promise<ScimAnswer>;
}

type ProseCheck = (seen: Seen) => void | Promise<void>;

const parts = (body: JsonValue | undefined, pointer: string): readonly JsonValue[] => {
  const list = at(body, pointer) ?? [];
  return isJsonArray(list) ? list : assert.fail(`${pointer} is no list`);
};
const ofType = (body: JsonObject | undefined, attribute: string, type: string) =>
  parts(body, `/${attribute}`).filter((item) => at(item, '/type') === type);

/** The group has these members, by the names of variables, and no other; in any order, each once. */
const members =
  (...names: readonly string[]): ProseCheck =>
  ({ body, variables }) => {
    assert.equal(at(body, '/meta/resourceType'), 'Group');
    const ids = parts(body, '/members').map((member) => at(member, '/value'));
    assert.deepEqual(ids.toSorted(), names.map((name) => variables[name]).toSorted());
  };

const membersOfGroup =
  (...names: readonly string[]): ProseCheck =>
  async (seen) =>
    members(...names)({ ...seen, ...(await seen.get(`/Groups/${seen.variables.groupId}`)) });

const four = members('userId', 'managerId', 'user2Id', 'user3Id');

function assertNoNulls(value: JsonValue | undefined): void {
  assert.notEqual(value, null);
  if (isJsonArray(value)) for (const item of value) assertNoNulls(item);
  else if (isJsonObject(value)) for (const item of Object.values(value)) assertNoNulls(item);
}

/** The conditions that an exchange has in words (`also`), by file and by the name of the exchange. */
export const proseChecks: Readonly<Record<string, Readonly<Record<string, ProseCheck>>>> = {
  entra: {
    '03 schema discovery on saving the configuration': ({ body }) => {
      assertNoNulls(body);
      const attributes = parts(body, '/Resources').flatMap((schema) => parts(schema, '/attributes'));
      assert.ok(attributes.length > 20);
      const allowed: Readonly<Record<string, readonly string[]>> = {
        mutability: ['readOnly', 'readWrite', 'immutable', 'writeOnly'],
        returned: ['always', 'never', 'default', 'request'],
        uniqueness: ['none', 'server', 'global'],
      };
      for (const attribute of attributes) {
        for (const [characteristic, values] of Object.entries(allowed))
          assert.ok(values.includes(String(at(attribute, `/${characteristic}`))), JSON.stringify(attribute));
      }
    },
    '13 match, unquoted value as in the tutorial text': ({ status, body }) => {
      assert.equal(status, 400);
      assert.equal(at(body, '/scimType'), 'invalidFilter');
    },
    '17 Add through value filters that match nothing yet': ({ body }) => {
      assert.deepEqual(at(body, '/addresses'), [{ type: 'work', formatted: '18/2111', country: 'DE' }]);
      assert.deepEqual(at(body, '/phoneNumbers'), [{ type: 'mobile', value: '+49 151 0000000' }]);
      assert.deepEqual(ofType(body, 'emails', 'other'), [{ type: 'other', value: 'adele@other.example' }]);
      assert.equal(parts(body, '/emails').length, 2);
    },
    '18 Replace through a value filter that matches nothing (RFC says noTarget; Entra expects creation)': ({
      body,
    }) => {
      assert.deepEqual(ofType(body, 'phoneNumbers', 'fax'), [{ type: 'fax', value: '+49 30 555' }]);
      assert.equal(parts(body, '/phoneNumbers').length, 2);
    },
    '19 enterprise attributes by URN path': ({ body }) => {
      const urns = Object.keys(body ?? {}).filter((key) => key.startsWith('urn:'));
      assert.deepEqual(urns, ['urn:ietf:params:scim:schemas:extension:enterprise:2.0:User']);
      assert.deepEqual(Object.keys(at(body, `/${urns[0]}`) ?? {}).toSorted(), [
        'department',
        'employeeNumber',
      ]);
    },
    '21 same filter again, now it must match the boolean true element': ({ body }) => {
      assert.equal(parts(body, '/roles').length, 1);
    },
    '22 AppRoleAssignmentsComplex: JSON encoded inside value strings': async ({ status, get, variables }) => {
      assert.equal(status, 200);
      const { body } = await get(`/Users/${variables.userId}`);
      const text =
        '{"id":"827f0d2e-be15-4d8f-a8e3-f8697239c112","value":"Docs-Admin","displayName":"Docs Admin"}';
      assert.ok(parts(body, '/roles').some((role) => at(role, '/value') === text));
    },
    '30 aadOptscim062020: path-less replace with dotted and URN-qualified keys': ({ body }) => {
      const odd = Object.keys(body ?? {}).filter((key) =>
        /[.[]/.test(key.replace(/:enterprise:2\.0:User$/, '')),
      );
      assert.deepEqual(odd, []);
    },
    '33 Remove with a path and a superfluous value': ({ body }) => {
      assert.deepEqual(
        ofType(body, 'emails', 'other')
          .map((mail) => at(mail, '/value'))
          .filter((value) => value !== undefined),
        [],
      );
      assert.doesNotMatch(JSON.stringify(body), /something-else/);
      assert.equal(ofType(body, 'emails', 'work').length, 1);
    },
    '50 add one member': ({ status, body }) => {
      assert.equal(status, 204);
      assert.equal(body, undefined);
    },
    '51 add the same member again': members('userId'),
    '52 add several members in one operation': four,
    '53 rename group by path': four,
    '54 rename group path-less': four,
    '55 change group externalId path-less': four,
    '56 remove members, default client: value array instead of a filter': members(
      'userId',
      'managerId',
      'user3Id',
    ),
    '57 remove several members at once, value array': members('userId'),
    '58 remove a member with aadOptscim062020': members(),
    '59 remove a member that is not in the group': membersOfGroup(),
    '60 add then remove in one request': members(),
    '61 replace the member list': members('userId', 'managerId'),
    '62 remove all members: path without filter and without value': members(),
    '63 paging': ({ body }) => {
      assert.equal(parts(body, '/Resources').length, 2);
      assert.equal(at(body, '/totalResults'), 4);
    },
    '70 create again with the userName of the deleted user': ({ body, variables }) => {
      assert.notEqual(at(body, '/id'), variables.userId);
    },
  },
  okta: {
    '17 re-assignment after deactivation: POST with the same externalId': async ({ status, body, get }) => {
      assert.equal(status, 409);
      assert.equal(at(body, '/scimType'), 'uniqueness');
      assert.equal(at((await get('/Users')).body, '/totalResults'), 1);
    },
    '20 import, first page': async ({ body, get }) => {
      const ids = (page: JsonObject | undefined) => parts(page, '/Resources').map((user) => at(user, '/id'));
      assert.equal(at(body, '/itemsPerPage'), ids(body).length);
      assert.deepEqual(ids((await get('/Users?startIndex=1&count=100')).body), ids(body));
    },
    '21 import, page beyond the end': ({ body }) => {
      assert.equal(at(body, '/totalResults'), 2);
    },
    '24 group name + id, sent with every membership update': ({ status }) => {
      assert.equal(status, 204);
    },
    '26 remove one and add another in one request': members('user2Id'),
    '27 push now: full replace': members('userId', 'user2Id'),
    '28 push now with an empty group': members(),
    '30 AIW app: PUT with id and display:null': members('userId', 'user2Id'),
    '31 rename group': members('userId', 'user2Id'),
  },
  onelogin: {
    '05 e-mails as ONE object instead of an array': ({ status, body, variables }) => {
      assert.equal(status, 200);
      assert.deepEqual(at(body, '/emails'), [{ value: variables.userName }]);
    },
    '06 several e-mails, none flagged primary': ({ body }) => {
      assert.deepEqual(at(body, '/emails'), [
        { value: 'first@example.com' },
        { value: 'second@example.com' },
      ]);
    },
    '12 remove member': members(),
  },
  jumpcloud: {
    '12 add member, value only': members('userId'),
    '13 remove member with a value array': members(),
  },
};
