import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, suite, test } from 'node:test';
import { createSchemaRegistry } from '#scim/schema-registry.ts';
import {
  assertKept,
  type PublishedAttribute,
  type PublishedType,
  placesOf,
  readSchemas,
  readTypes,
  sample,
  type Target,
  undeclared,
} from '../support/published-schema.ts';
import { startRollcall } from '../support/rollcall.ts';
import { type ScimAnswer, type ScimClient, scimOf } from '../support/scim-client.ts';
import { createGroup, createUser, enterpriseUrn, filtered, ids, patchBody } from './scim-fixture.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());

type Json = ScimAnswer['body'];

for (const strict of [true, false]) {
  const scim = scimOf(await rollcall.connect({ strict }));
  const schemas = await readSchemas(scim);
  const targets: readonly [Target, Target] = [
    await createUser(scim, { displayName: 'A target' }),
    await createUser(scim, { displayName: 'Another target' }),
  ];

  suite(`what /Schemas says is so, ${strict ? 'by the RFC' : 'with leniency'}`, {
    concurrency: true,
  }, async () => {
    for (const type of await readTypes(scim)) {
      const read = async ({ id }: Json) => (await scim('GET', `${type.endpoint}/${id}`)).body;
      const sampled = () => sampleOf(type, targets);

      test(`what a ${type.name} is sent, it keeps and returns as published (DISC-18, USR-08)`, async () => {
        const sent = sampled();
        const resource = await create(scim, type, sent);
        assert.deepEqual(await read(resource), resource);
        for (const { path, attribute, valueIn } of placesOf(type))
          assertKept(attribute, valueIn(sent), valueIn(resource), path);
        assert.notEqual(resource.id, sent.id);
        assert.equal(resource.externalId, sent.externalId);
        for (const name of Object.keys(sent.meta)) assert.notEqual(resource.meta[name], sent.meta[name]);
        assert.deepEqual(undeclared(resource, schemas), []);
      });

      test(`what of a ${type.name} is changed by PATCH, it keeps and returns as published (DISC-18)`, async () => {
        let resource = await create(scim, type, sampled());
        const change = async (
          path: string,
          attribute: PublishedAttribute,
          value: unknown,
          valueIn: (now: Json) => Json,
        ) => {
          const body = patchBody({ op: 'replace', path, value });
          const answer = await scim('PATCH', `${type.endpoint}/${resource.id}`, body);
          const { mutability } = attribute;
          if (mutability === 'readOnly' || mutability === 'immutable') {
            assert.deepEqual([path, answer.status, answer.body?.scimType], [path, 400, 'mutability']);
          } else {
            assert.ok(answer.status < 300, `${path}: ${JSON.stringify(answer.body)}`);
            resource = answer.body ?? (await read(resource));
            assertKept(attribute, value, valueIn(resource), path);
          }
        };
        for (const { path, attribute, valueIn } of placesOf(type)) {
          const { multiValued, mutability, subAttributes = [] } = attribute;
          await change(path, attribute, sample(attribute, targets, 1), valueIn);
          if (mutability === 'readOnly') continue;
          const firstIn = (now: Json) => [valueIn(now)].flat()[0];
          const other = firstIn(sampled());
          for (const sub of subAttributes) {
            const selector = multiValued ? selectorOf(firstIn(resource)) : '';
            const subPath = `${path}${selector}.${sub.name}`;
            await change(subPath, sub, other[sub.name], (now) => firstIn(now)[sub.name]);
          }
        }
        assert.deepEqual(undeclared(resource, schemas), []);
      });

      test(`filters compare the texts of a ${type.name} with their case where that is published (DISC-18)`, async () => {
        const resource = await create(scim, type, sampled());
        const isFound = async (path: string, text: string) => {
          const filter = filtered(`id eq "${resource.id}" and ${path} eq ${JSON.stringify(text)}`);
          const { status, body } = await scim('GET', `${type.endpoint}?${filter}`);
          assert.equal(status, 200, `${path}: ${JSON.stringify(body)}`);
          return ids(body.Resources).includes(resource.id);
        };
        const check = async (path: string, { caseExact, mutability }: PublishedAttribute, text: unknown) => {
          // What is not text has no case, and what is read from elsewhere is not filtered by.
          if (typeof text !== 'string' || mutability === 'readOnly' || path.endsWith('$ref')) return;
          assert.ok(await isFound(path, text), path);
          const other = text === text.toUpperCase() ? text.toLowerCase() : text.toUpperCase();
          assert.equal(await isFound(path, other), !caseExact, `${path} eq "${other}"`);
        };
        for (const { path, attribute, valueIn } of placesOf(type)) {
          const [value] = [valueIn(resource)].flat();
          await check(path, attribute, value);
          for (const sub of attribute.subAttributes ?? [])
            await check(`${path}.${sub.name}`, sub, value?.[sub.name]);
        }
      });

      test(`a ${type.name} without what is required, or with what is unique and taken, is refused (DISC-18)`, async () => {
        const post = async (resource: Json) => {
          const { status, body } = await scim('POST', type.endpoint, resource);
          return [status, body.scimType];
        };
        for (const { path, attribute, valueIn, replacedIn } of placesOf(type)) {
          const { required, uniqueness } = attribute;
          assert.deepEqual(
            await post(replacedIn(sampled(), undefined)),
            required ? [400, 'invalidValue'] : [201, undefined],
            path,
          );
          const first = sampled();
          await create(scim, type, first);
          assert.deepEqual(
            await post(replacedIn(sampled(), valueIn(first))),
            uniqueness === 'none' ? [201, undefined] : [409, 'uniqueness'],
            path,
          );
        }
      });

      test(`a ${type.name} has each canonical value, and any other (DISC-18)`, async () => {
        const resource = await create(scim, type, sampled());
        for (const { path, attribute, valueIn } of placesOf(type)) {
          if (attribute.mutability !== 'readWrite') continue;
          for (const { name, mutability, canonicalValues = [] } of attribute.subAttributes ?? []) {
            if (mutability !== 'readWrite') continue;
            for (const label of canonicalValues.length > 0 ? [...canonicalValues, 'other than these'] : []) {
              const [value] = sample(attribute, targets) as Json[];
              const operation = { op: 'replace', path, value: [{ ...value, [name]: label }] };
              const { status } = await scim('PATCH', `${type.endpoint}/${resource.id}`, patchBody(operation));
              assert.ok(status < 300, `${path}.${name} ${label}`);
              assert.equal(valueIn(await read(resource))[0][name], label);
            }
          }
        }
      });

      test(`what is asked for of a ${type.name} is what an answer has, by its published name (DISC-18)`, async () => {
        const resource = await create(scim, type, sampled());
        const namesOf = async (parameter: string, path: string) => {
          const query = `${parameter}=${encodeURIComponent(path)}`;
          const { body } = await scim('GET', `${type.endpoint}/${resource.id}?${query}`);
          return placesOf(type).flatMap((place) => (place.valueIn(body) === undefined ? [] : [place.path]));
        };
        const all = await namesOf('excludedAttributes', 'none');
        for (const { path, attribute } of placesOf(type)) {
          const expected = all.includes(path) && attribute.returned === 'default' ? [path] : [];
          assert.deepEqual(await namesOf('attributes', path), expected);
          assert.deepEqual(
            await namesOf('excludedAttributes', path),
            all.filter((name) => !expected.includes(name)),
          );
        }
      });
    }
  });
}

suite('nothing is there that is not published', () => {
  test('in a resource with all that the product can keep (DISC-18)', async () => {
    const scim = scimOf(await rollcall.connect());
    const schemas = await readSchemas(scim);
    const targets: readonly [Target, Target] = [await createUser(scim), await createUser(scim)];
    for (const { name, endpoint, schema, extensions } of createSchemaRegistry().resourceTypes) {
      const core = { ...schema, attributes: schema.attributes.filter(({ common }) => !common) };
      const type = { name, endpoint, core, extensions: extensions.map((extension) => extension.schema) };
      assert.deepEqual(undeclared(await create(scim, type, sampleOf(type, targets)), schemas), []);
    }
    // Of a user who is in a group, and whose manager has a name.
    const boss = await createUser(scim, { displayName: 'Boss' });
    await createGroup(scim, { members: [{ value: boss.id }] });
    await createUser(scim, { [enterpriseUrn]: { manager: { value: boss.id } } });
    const { body } = await scim('GET', '/Users');
    assert.match(JSON.stringify(body), /"groups":\[\{.*"displayName":"Boss"\}/);
    assert.deepEqual(
      body.Resources.flatMap((user: Json) => undeclared(user, schemas)),
      [],
    );
  });

  test('in the documents of discovery (DISC-18, CUR-32)', async () => {
    const scim = scimOf(await rollcall.connect());
    const schemas = await readSchemas(scim);
    const lists = [await scim('GET', '/Schemas'), await scim('GET', '/ResourceTypes')];
    const documents = [
      ...lists.flatMap(({ body }) => body.Resources),
      (await scim('GET', '/ServiceProviderConfig')).body,
    ];
    assert.deepEqual(
      documents.flatMap((document) => undeclared(document, schemas)),
      // As in RFC 7643, section 8.7.2: what describes itself ends somewhere.
      ['urn:ietf:params:scim:schemas:core:2.0:Schema.attributes.subAttributes.subAttributes is not declared'],
    );
  });
});

/** Selects a value of a multi-valued attribute by the first of its parts. */
function selectorOf(value: object): string {
  const [[name, text] = []] = Object.entries(value);
  return `[${name} eq ${JSON.stringify(text)}]`;
}

/** A body with a value for each published attribute, and for the common ones. */
function sampleOf(type: PublishedType, targets: readonly [Target, Target]): Json {
  const body = {
    schemas: [type.core.id, ...type.extensions.map(({ id }) => id)],
    id: randomUUID(),
    externalId: randomUUID(),
    meta: {
      resourceType: 'x',
      created: '2001-01-01T00:00:00Z',
      lastModified: '2001-01-01T00:00:00Z',
      location: 'x',
      version: 'x',
    },
  };
  return placesOf(type).reduce<Json>(
    (resource, { attribute, replacedIn }) => replacedIn(resource, sample(attribute, targets)),
    body,
  );
}

async function create(scim: ScimClient, { endpoint }: PublishedType, sent: object): Promise<Json> {
  const { status, body } = await scim('POST', endpoint, sent);
  assert.equal(status, 201, JSON.stringify(body));
  return body;
}
