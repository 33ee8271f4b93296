import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { OnNoTarget } from '#proto/rollcall/directory/v1/on_no_target.ts';
import type { AttributeDefinition } from '#scim/attribute.ts';
import { parseAttributePath } from '#scim/attribute-path.ts';
import { AttributeValueError, readAttributeValue } from '#scim/attribute-value.ts';
import type { JsonObject } from '#scim/json.ts';
import { createSchemaRegistry } from '#scim/schema-registry.ts';
import {
  type DiscoveryDocument,
  resourceTypeDocuments,
  schemaDocuments,
} from '../../gateway/scim/discovery-documents.ts';
import { createProjection, type Projection, showSupplied } from '../../gateway/scim/projection.ts';
import { foldResource } from '../../services/directory/mongo/fold.ts';
import { applyPatch } from '../../services/directory/patch/apply-patch.ts';
import { validateResource } from '../../services/directory/validate/validate-resource.ts';
import { type PatchStep, patchOperations } from '../support/patch-operations.ts';

// Characteristics that no attribute of users and groups has.
const title = createSchemaRegistry().resourceType('User')?.findAttribute('title');
assert.ok(title);
const attribute = (name: string, more: Partial<AttributeDefinition> = {}): AttributeDefinition => ({
  ...title,
  name,
  field: name,
  ...more,
});
const badgeUrn = 'urn:example:Badge';
const registry = createSchemaRegistry([
  {
    name: 'Device',
    endpoint: '/Devices',
    description: 'A device',
    schema: {
      id: 'urn:example:Device',
      name: 'Device',
      description: 'A device',
      attributes: [
        attribute('title'),
        attribute('serial', { mutability: 'immutable' }),
        attribute('level', { type: 'integer' }),
        attribute('secretary', { returned: 'request' }),
      ],
    },
    extensions: [
      {
        field: 'badge',
        declared: false,
        required: true,
        schema: {
          id: badgeUrn,
          name: 'Badge',
          description: 'A badge',
          attributes: [attribute('title'), attribute('colour', { returned: 'request' })],
        },
      },
    ],
  },
]);
const Device = registry.resourceType('Device');
assert.ok(Device);
const device: JsonObject = { title: 'core', badge: { title: 'badge' } };

function patch(resource: JsonObject, ...steps: readonly PatchStep[]): JsonObject {
  assert.ok(Device);
  return applyPatch(Device, resource, patchOperations(Device, steps), OnNoTarget.ERROR);
}

suite('an immutable attribute', () => {
  test('is set once, by PATCH or PUT (PAT-17, PUT-07)', () => {
    assert.equal(patch(device, ['add', 'serial', 'S1']).serial, 'S1');
    assert.equal(patch(device, ['replace', 'serial', 'S1']).serial, 'S1');
    assert.equal(validateResource(Device, { ...device, serial: 'S1' }, device).serial, 'S1');
  });

  test('can be repeated and not changed (PAT-17, PUT-06)', () => {
    const marked = { ...device, serial: 'S1' };
    assert.equal(patch(marked, ['add', 'serial', 'S1']), marked);
    assert.equal(validateResource(Device, { ...marked }, marked), marked);
    for (const step of [
      ['add', 'serial', 'S2'],
      ['replace', 'serial', 'S2'],
      ['remove', 'serial'],
    ] as const) {
      assert.throws(() => patch(marked, step), { reason: ErrorReason.MUTABILITY });
    }
    assert.throws(() => validateResource(Device, { ...marked, serial: 'S2' }, marked), {
      reason: ErrorReason.MUTABILITY,
    });
  });
});

suite('a required extension', () => {
  test('is part of every resource (DISC-17)', () => {
    assert.equal(validateResource(Device, device, undefined), device);
    const missing = { reason: ErrorReason.VALUE_INVALID, metadata: { attribute: badgeUrn } };
    assert.throws(() => validateResource(Device, { title: 'core' }, undefined), missing);
    assert.throws(() => validateResource(Device, { title: 'core' }, device), missing);
    assert.throws(() => patch(device, ['remove', badgeUrn]), { reason: ErrorReason.MUTABILITY });
  });

  test('is said to be required (DISC-17)', () => {
    const [document] = resourceTypeDocuments(registry);
    const { schemaExtensions } = JSON.parse(document?.text('https://scim.example.com') ?? '');
    assert.deepEqual(schemaExtensions, [{ schema: badgeUrn, required: true }]);
  });
});

test('a new type is published with its endpoint, schema and extensions (EXT-07)', () => {
  const read = ({ text }: DiscoveryDocument) => JSON.parse(text('https://scim.example.com'));
  const [type] = resourceTypeDocuments(registry).map(read);
  assert.deepEqual([type.id, type.endpoint, type.schema], ['Device', '/Devices', 'urn:example:Device']);
  const schemas = schemaDocuments(registry).map(read);
  const published = (id: string) =>
    schemas.find((schema) => schema.id === id)?.attributes.map(({ name }: { name: string }) => name);
  assert.deepEqual(published('urn:example:Device'), ['title', 'serial', 'level', 'secretary']);
  assert.deepEqual(published(badgeUrn), ['title', 'colour']);
});

test('one name in core and extension means two attributes (EXT-04)', () => {
  const path = (text: string) => parseAttributePath(Device, text);
  assert.deepEqual(path('title'), { extension: '', attribute: 'title', subAttribute: '' });
  assert.deepEqual(path(`${badgeUrn}:title`), { extension: badgeUrn, attribute: 'title', subAttribute: '' });
  const changed = patch(device, ['replace', `${badgeUrn}:title`, 'B'], ['replace', 'title', 'C']);
  assert.deepEqual(changed, { title: 'C', badge: { title: 'B' } });
  assert.deepEqual(foldResource(Device, changed), { title: 'c', badge: { title: 'b' } });
});

test('an integer has no fraction (MV-10)', () => {
  const level = Device.findAttribute('level');
  assert.ok(level);
  const read = (text: string) => readAttributeValue(level, JSON.parse(text), { unknown: 'refuse' });
  assert.equal(read('-3'), -3);
  for (const text of ['1.5', '1e-1', '1e300', '"1"'])
    assert.throws(() => read(text), AttributeValueError, text);
});

suite('an attribute returned on request', () => {
  const names = ({ core, extensions }: Projection) =>
    [...core, ...extensions.flatMap(({ attributes }) => attributes)].map(
      (projected) => projected.attribute.name,
    );

  test('is in an answer when it is asked for (ATT-11)', () => {
    assert.deepEqual(names(createProjection(Device)), ['title', 'serial', 'level', 'title']);
    assert.deepEqual(names(createProjection(Device, ['SECRETARY', `${badgeUrn}:colour`])), [
      'secretary',
      'colour',
    ]);
  });

  test('or when the client wrote it, and neither asked for others nor excluded it (ATT-11)', () => {
    const written = [
      { extension: '', attribute: 'secretary', subAttribute: '' },
      { extension: badgeUrn, attribute: 'colour', subAttribute: '' },
    ];
    const shown = (query: string, projection: Projection, supplied = written) => {
      const exchange = {
        resourceType: Device,
        parameters: new URLSearchParams(query),
        projection,
        strict: true,
      };
      showSupplied(exchange, supplied);
      return names(exchange.projection);
    };
    const all = ['title', 'serial', 'level', 'secretary', 'title', 'colour'];
    assert.deepEqual(shown('', createProjection(Device)), all);
    assert.deepEqual(shown('', createProjection(Device), []), ['title', 'serial', 'level', 'title']);
    const excluding = createProjection(Device, undefined, ['secretary', 'level']);
    assert.deepEqual(shown('excludedAttributes=secretary,level', excluding), [
      'title',
      'serial',
      'title',
      'colour',
    ]);
    assert.deepEqual(shown('attributes=level', createProjection(Device, ['level'])), ['level']);
  });
});
