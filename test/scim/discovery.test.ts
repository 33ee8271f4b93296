import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import { startRollcall } from '../support/rollcall.ts';
import { type ScimAnswer, scimOf } from '../support/scim-client.ts';
import { assertError, createUser, enterpriseUrn, groupUrn, userUrn } from './scim-fixture.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());
const connection = await rollcall.connect();
const scim = scimOf(connection);
const anonymous = scimOf({ ...connection, token: '' });

suite('discovery', () => {
  test('ServiceProviderConfig is one object that tells the truth (DISC-01, DISC-02, DISC-03, DISC-04, DISC-05, DISC-06, AUTH-10)', async () => {
    const { status, body } = await scim('GET', '/ServiceProviderConfig');
    assert.equal(status, 200);
    assert.deepEqual(body.schemas, ['urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig']);
    const { patch, bulk, filter, changePassword, sort, etag, meta } = body;
    assert.deepEqual(
      { patch, bulk, filter, changePassword, sort, etag },
      {
        patch: { supported: true },
        bulk: { supported: false, maxOperations: 0, maxPayloadSize: 0 },
        filter: { supported: true, maxResults: 1000 },
        changePassword: { supported: false },
        sort: { supported: false },
        etag: { supported: true },
      },
    );
    assert.deepEqual(meta, {
      resourceType: 'ServiceProviderConfig',
      location: `${connection.baseUrl}/ServiceProviderConfig`,
    });
    assert.deepEqual(
      body.authenticationSchemes.map(({ type }: { type: string }) => type),
      ['oauthbearertoken'],
    );
    for (const { name, description } of body.authenticationSchemes) assert.ok(name && description);
    assertError(await scim('POST', '/Bulk', {}), 404);
  });

  test('ServiceProviderConfig is public and says the same for every connection; the rest is not public (AUTH-08)', async () => {
    const { body } = await scim('GET', '/ServiceProviderConfig');
    assert.deepEqual((await anonymous('GET', '/ServiceProviderConfig')).body, body);
    const baseUrl = `${rollcall.gatewayUrl}/scim/nosuchconnection/v2`;
    const elsewhere = await scimOf({ baseUrl, token: 'x' })('GET', '/ServiceProviderConfig');
    const { meta: _, ...same } = body;
    assert.deepEqual(
      [elsewhere.status, { ...elsewhere.body, meta: undefined }],
      [200, { ...same, meta: undefined }],
    );
    for (const path of ['/Schemas', '/ResourceTypes', '/ResourceTypes/User', `/Schemas/${userUrn}`]) {
      assertError(await anonymous('GET', path), 401);
    }
  });

  test('lists hold everything, whatever paging asks for, and each document has its URL (DISC-09, DISC-10, DISC-13, HTTP-14, HTTP-17)', async () => {
    for (const [path, names] of [
      ['/Schemas', [userUrn, enterpriseUrn, groupUrn]],
      ['/ResourceTypes', ['User', 'Group']],
    ] as const) {
      const { body } = await scim('GET', `${path}?startIndex=2&count=1&sortBy=id`);
      assert.deepEqual(body.schemas, ['urn:ietf:params:scim:api:messages:2.0:ListResponse']);
      assert.equal(body.totalResults, names.length);
      assert.deepEqual(
        body.Resources.map(({ id }: { id: string }) => id),
        names,
      );
      for (const document of body.Resources) {
        assert.equal(document.meta.location, `${connection.baseUrl}${path}/${document.id}`);
        for (const id of [document.id, encodeURIComponent(document.id)]) {
          assert.deepEqual((await scim('GET', `${path}/${id}`)).body, document);
        }
      }
    }
  });

  test('resource types name schemas that are there and endpoints that work (DISC-14, DISC-15, DISC-16, DISC-17)', async () => {
    const { body } = await scim('GET', '/ResourceTypes');
    for (const { name, endpoint, schema, schemaExtensions = [] } of body.Resources) {
      assert.equal((await scim('GET', endpoint)).status, 200);
      const urns = [schema, ...schemaExtensions.map((extension: { schema: string }) => extension.schema)];
      for (const urn of urns) assert.equal((await scim('GET', `/Schemas/${urn}`)).status, 200, name);
      for (const { required } of schemaExtensions) assert.equal(required, false);
    }
    assert.equal((await createUser(scim)).meta.resourceType, body.Resources[0].name);
  });

  test('schemas describe every attribute with the keywords of the RFC, and nothing is null (DISC-18, DISC-19, DISC-21, GRP-04, USR-01, C48)', async () => {
    const { body } = await scim('GET', '/Schemas');
    assert.doesNotMatch(JSON.stringify(body), /null/);
    type Attribute = ScimAnswer['body'];
    const check = (attribute: Attribute, isSub: boolean) => {
      const { name, type, mutability, returned, uniqueness, multiValued, required, caseExact } = attribute;
      assert.match(name, /^\$?[a-z][A-Za-z0-9]*$/);
      assert.ok(
        ['string', 'boolean', 'decimal', 'integer', 'dateTime', 'binary', 'reference', 'complex'].includes(
          type,
        ),
      );
      assert.ok(['readOnly', 'readWrite', 'immutable', 'writeOnly'].includes(mutability));
      assert.ok(['always', 'never', 'default', 'request'].includes(returned));
      assert.ok(['none', 'server', 'global'].includes(uniqueness));
      for (const flag of [multiValued, required, caseExact]) assert.equal(typeof flag, 'boolean', name);
      assert.ok(attribute.description);
      assert.equal('subAttributes' in attribute, type === 'complex');
      assert.ok(!(isSub && type === 'complex'));
      for (const sub of attribute.subAttributes ?? []) check(sub, true);
    };
    for (const { schemas, meta, attributes, name } of body.Resources) {
      assert.deepEqual(schemas, ['urn:ietf:params:scim:schemas:core:2.0:Schema']);
      assert.equal(meta.resourceType, 'Schema');
      assert.ok(name);
      for (const attribute of attributes) check(attribute, false);
    }
    const [user, , group] = body.Resources;
    const attribute = (schema: Attribute, wanted: string) =>
      schema.attributes.find(({ name }: Attribute) => name === wanted);
    const { required, uniqueness, caseExact } = attribute(user, 'userName');
    assert.deepEqual([required, uniqueness, caseExact], [true, 'server', false]);
    assert.deepEqual(
      attribute(group, 'members').subAttributes.map((sub: Attribute) => [sub.name, sub.mutability]),
      [
        ['value', 'immutable'],
        ['$ref', 'immutable'],
        ['type', 'immutable'],
      ],
    );
  });

  test('what a user has in an answer is declared (C48)', async () => {
    const user = await createUser(scim, { name: { givenName: 'A' }, emails: [{ value: 'a@example.com' }] });
    const { body } = await scim('GET', `/Schemas/${userUrn}`);
    const declared = new Set(body.attributes.map(({ name }: { name: string }) => name));
    for (const key of Object.keys(user)) {
      assert.ok(declared.has(key) || ['schemas', 'id', 'externalId', 'meta'].includes(key), key);
    }
  });

  test('unknown documents are 404, messages among them (DISC-11, DISC-22)', async () => {
    for (const path of [
      '/Schemas/urn:x:nope',
      '/Schemas/urn:ietf:params:scim:api:messages:2.0:PatchOp',
      '/ResourceTypes/Nope',
    ]) {
      assertError(await scim('GET', path), 404);
    }
  });

  test('a filter is refused (DISC-12)', async () => {
    for (const path of ['/Schemas', '/ResourceTypes', '/ServiceProviderConfig']) {
      assertError(await scim('GET', `${path}?filter=id%20pr`), 403);
    }
  });

  test('nothing of it can be changed (DISC-07, DISC-20, HTTP-16)', async () => {
    for (const path of ['/Schemas', `/Schemas/${userUrn}`, '/ResourceTypes/User', '/ServiceProviderConfig']) {
      for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
        const answer = await scim(method, path, {});
        assertError(answer, 405);
        assert.match(answer.headers.get('allow') ?? '', /GET/);
      }
    }
  });
});
