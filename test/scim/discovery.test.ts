import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startRollcall } from '../support/rollcall.ts';
import { type ScimAnswer, scimOf } from '../support/scim-client.ts';
import {
  assertError,
  createGroup,
  createUser,
  eachProfile,
  enterpriseUrn,
  groupUrn,
  userUrn,
} from './scim-fixture.ts';

/** The schemas of the discovery documents themselves. */
const documentUrns = ['ResourceType', 'Schema', 'ServiceProviderConfig'].map(
  (name) => `urn:ietf:params:scim:schemas:core:2.0:${name}`,
);

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());

eachProfile(rollcall, 'discovery', ({ scim, connection }) => {
  const anonymous = scimOf({ ...connection, token: '' });

  test('ServiceProviderConfig is one object with every member that the RFCs require (DISC-01, DISC-02, DISC-03, DISC-04, DISC-05, DISC-06, DISC-08, AUTH-10, CUR-16, CUR-19, CUR-20, CUR-21)', async () => {
    const { status, body } = await scim('GET', '/ServiceProviderConfig');
    assert.equal(status, 200);
    // That the product does just this is proved in discovery-truth.test.ts.
    assert.deepEqual(body, {
      schemas: ['urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig'],
      patch: { supported: true },
      bulk: { supported: true, maxOperations: 1000, maxPayloadSize: 4 * 1024 * 1024 },
      filter: { supported: true, maxResults: 1000 },
      changePassword: { supported: false },
      sort: { supported: true },
      etag: { supported: true },
      authenticationSchemes: [
        {
          type: 'oauthbearertoken',
          name: 'Bearer token',
          description: 'A token of the connection in the Authorization header (RFC 6750).',
          specUri: 'https://www.rfc-editor.org/info/rfc6750',
          primary: true,
        },
        {
          type: 'oauth2',
          name: 'OAuth 2.0 client credentials',
          description:
            'An hourly bearer token for a client id and secret of the connection: POST oauth/token, beside v2 (RFC 6749, section 4.4).',
          specUri: 'https://www.rfc-editor.org/info/rfc6749',
        },
      ],
      pagination: {
        cursor: true,
        index: true,
        defaultPaginationMethod: 'index',
        defaultPageSize: 100,
        maxPageSize: 1000,
        cursorTimeout: 24 * 60 * 60,
      },
      meta: {
        resourceType: 'ServiceProviderConfig',
        location: `${connection.baseUrl}/ServiceProviderConfig`,
      },
    });
  });

  test('ServiceProviderConfig is public and says the same for every connection; the rest is not public (AUTH-08)', async () => {
    const { body } = await scim('GET', '/ServiceProviderConfig');
    assert.deepEqual((await anonymous('GET', '/ServiceProviderConfig')).body, body);
    for (const id of ['nosuchconnection', 'No%20Such%22', '..%2F']) {
      const baseUrl = `${rollcall.gatewayUrl}/scim/${id}/v2`;
      const elsewhere = await scimOf({ baseUrl, token: 'x' })('GET', '/ServiceProviderConfig');
      const location = `${baseUrl}/ServiceProviderConfig`;
      assert.deepEqual(
        [elsewhere.status, elsewhere.body],
        [200, { ...body, meta: { ...body.meta, location } }],
      );
    }
    for (const path of ['/Schemas', '/ResourceTypes', '/ResourceTypes/User', `/Schemas/${userUrn}`]) {
      assertError(await anonymous('GET', path), 401);
    }
  });

  test('lists hold everything, whatever else is asked for, and each document has its URL (DISC-09, DISC-10, DISC-13, DISC-21, HTTP-14, HTTP-17)', async () => {
    for (const [path, resourceType, keys] of [
      ['/Schemas', 'Schema', [userUrn, enterpriseUrn, groupUrn, ...documentUrns]],
      ['/ResourceTypes', 'ResourceType', ['User', 'Group']],
    ] as const) {
      const { body } = await scim('GET', path);
      const { Resources, ...header } = body;
      assert.deepEqual(header, {
        schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
        totalResults: keys.length,
        startIndex: 1,
        itemsPerPage: keys.length,
      });
      assert.deepEqual(
        Resources.map(({ id }: { id: string }) => id),
        keys,
      );
      const ignored = 'startIndex=2&count=1&cursor=x&sortBy=id&sortOrder=descending&attributes=name';
      assert.deepEqual((await scim('GET', `${path}?${ignored}&excludedAttributes=id`)).body, body);
      for (const document of Resources) {
        assert.deepEqual(document.schemas, [`urn:ietf:params:scim:schemas:core:2.0:${resourceType}`]);
        assert.deepEqual(document.meta, {
          resourceType,
          location: `${connection.baseUrl}${path}/${document.id}`,
        });
        for (const id of [
          document.id,
          encodeURIComponent(document.id),
          document.id.toUpperCase(),
          document.id.toLowerCase().replaceAll(':', '%3a'),
        ]) {
          assert.deepEqual((await scim('GET', `${path}/${id}?attributes=name`)).body, document);
        }
      }
    }
  });

  test('HEAD answers like GET, without a body (HTTP-21)', async () => {
    for (const path of ['/Schemas', `/Schemas/${userUrn}`, '/ResourceTypes', '/ServiceProviderConfig']) {
      const { status, headers, body } = await scim('HEAD', path);
      assert.deepEqual([status, body], [200, undefined], path);
      assert.match(headers.get('content-type') ?? '', /^application\/scim\+json/);
    }
    assert.equal((await scim('HEAD', '/Schemas/nope')).status, 404);
    assert.equal((await scim('HEAD', '/ResourceTypes?filter=id%20pr')).status, 403);
  });

  test('resource types name schemas that are there and endpoints that work (DISC-14, DISC-16, DISC-23, DISC-25)', async () => {
    const { body } = await scim('GET', '/ResourceTypes');
    for (const { name, endpoint, schema, schemaExtensions = [] } of body.Resources) {
      assert.equal(endpoint, `/${name}s`);
      const { status, body: list } = await scim('GET', endpoint);
      assert.equal(status, 200);
      assert.deepEqual(list.schemas, ['urn:ietf:params:scim:api:messages:2.0:ListResponse']);
      const urns = [schema, ...schemaExtensions.map((extension: { schema: string }) => extension.schema)];
      for (const urn of urns) assert.equal((await scim('GET', `/Schemas/${urn}`)).status, 200, name);
      // No extension is required: a resource without it is complete.
      for (const { required } of schemaExtensions) assert.equal(required, false);
    }
  });

  test('the name of a resource type is the meta.resourceType of its resources (DISC-15)', async () => {
    const { body } = await scim('GET', '/ResourceTypes');
    const created = [await createUser(scim), await createGroup(scim)];
    assert.deepEqual(
      created.map(({ meta }) => meta.resourceType),
      body.Resources.map(({ name }: { name: string }) => name),
    );
  });

  test('schemas describe every attribute with the keywords of the RFC, and nothing is null (DISC-18, DISC-19, DISC-24, MV-03)', async () => {
    const { body } = await scim('GET', '/Schemas');
    assert.doesNotMatch(JSON.stringify(body), /null/);
    type Attribute = ScimAnswer['body'];
    const check = (attribute: Attribute, depth: number) => {
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
      assert.equal('subAttributes' in attribute, type === 'complex', name);
      assert.equal('referenceTypes' in attribute, type === 'reference', name);
      if (mutability === 'writeOnly') assert.equal(returned, 'never', name);
      if (name === 'primary') assert.deepEqual([type, multiValued], ['boolean', false]);
      if (name === '$ref') assert.deepEqual([type, multiValued], ['reference', false]);
      if (name === 'display') assert.deepEqual([type, multiValued], ['string', false]);
      for (const sub of attribute.subAttributes ?? []) {
        // The schema of schemas alone has complex parts: its own description of complex attributes.
        if (name !== 'attributes') assert.notEqual(sub.type, 'complex', `${name}.${sub.name}`);
        check(sub, depth + 1);
      }
      assert.ok(depth < 3, name);
    };
    for (const { name, description, attributes } of body.Resources) {
      assert.ok(name && description);
      for (const attribute of attributes) check(attribute, 0);
    }
  });

  test('unknown documents are 404, messages among them (DISC-11, DISC-22)', async () => {
    for (const path of [
      '/Schemas/urn:x:nope',
      '/Schemas/urn:ietf:params:scim:api:messages:2.0:PatchOp',
      '/Schemas/urn:ietf:params:scim:api:messages:2.0:ListResponse',
      '/Schemas/urn:ietf:params:scim:api:messages:2.0:Error',
      '/Schemas/User',
      '/Schemas/__proto__',
      '/Schemas/.search',
      '/Schemas/%zz',
      '/ResourceTypes/Nope',
      '/ResourceTypes/Users',
      `/ResourceTypes/${userUrn}`,
      '/ServiceProviderConfig/x',
      '/serviceproviderconfig',
    ]) {
      assertError(await scim('GET', path), 404);
    }
    const { body } = await scim('GET', '/Schemas');
    for (const { id } of body.Resources) assert.doesNotMatch(id, /:api:/);
  });

  test('a filter is refused (DISC-12)', async () => {
    for (const path of [
      '/Schemas',
      `/Schemas/${userUrn}`,
      '/ResourceTypes',
      '/ResourceTypes/User',
      '/ServiceProviderConfig',
    ]) {
      for (const filter of ['id%20pr', 'name%20eq%20%22User%22', '', '(((']) {
        assertError(await scim('GET', `${path}?count=1&filter=${filter}`), 403);
      }
    }
    assertError(await anonymous('GET', '/ServiceProviderConfig?filter=id%20pr'), 403);
  });

  test('nothing of it can be changed (DISC-07, DISC-20, HTTP-16)', async () => {
    for (const path of [
      '/Schemas',
      `/Schemas/${userUrn}`,
      '/ResourceTypes',
      '/ResourceTypes/User',
      '/ServiceProviderConfig',
    ]) {
      const before = await scim('GET', path);
      for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) {
        const answer = await scim(method, path, before.body);
        assertError(answer, 405);
        assert.equal(answer.headers.get('allow'), 'HEAD, GET');
      }
      assert.deepEqual((await scim('GET', path)).body, before.body);
    }
    for (const path of ['/Schemas/.search', '/ResourceTypes/.search', '/ServiceProviderConfig/.search']) {
      const { status } = await scim('POST', path, {});
      assert.ok(status === 404 || status === 405, path);
    }
  });
});
