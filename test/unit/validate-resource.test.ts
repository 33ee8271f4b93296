import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import type { AttributeDefinition } from '#scim/attribute.ts';
import type { JsonObject } from '#scim/json.ts';
import { createSchemaRegistry } from '#scim/schema-registry.ts';
import { DirectoryError } from '../../services/directory/errors.ts';
import { validateResource } from '../../services/directory/validate/validate-resource.ts';

const User = createSchemaRegistry().resourceType('User');
assert(User);
const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

function attribute(name: string, characteristics: Partial<AttributeDefinition> = {}): AttributeDefinition {
  const title = User?.findAttribute('title');
  assert(title);
  return { ...title, name, field: name, ...characteristics };
}

/** A schema with what the built-in ones do not have. */
const Device = createSchemaRegistry([
  {
    name: 'Device',
    endpoint: '/Devices',
    description: '',
    schema: {
      id: 'urn:example:Device',
      name: 'Device',
      description: '',
      attributes: [
        attribute('serial', { mutability: 'immutable' }),
        attribute('since', { type: 'dateTime' }),
        attribute('maker', {
          type: 'complex',
          subAttributes: [
            attribute('name', { required: true }),
            attribute('code', { mutability: 'immutable' }),
          ],
        }),
        attribute('ports', {
          type: 'complex',
          multiValued: true,
          subAttributes: [attribute('value', { required: true }), attribute('label')],
        }),
      ],
    },
    extensions: [
      {
        field: 'lease',
        declared: false,
        required: false,
        schema: {
          id: 'urn:example:Lease',
          name: 'Lease',
          description: '',
          attributes: [attribute('owner', { required: true }), attribute('note')],
        },
      },
    ],
  },
]).resourceType('Device');
assert(Device);

function refuses(act: () => unknown, reason: ErrorReason, name: string) {
  assert.throws(act, (error) => {
    assert(error instanceof DirectoryError, String(error));
    assert.equal(error.reason, reason);
    assert.deepEqual(error.metadata, { attribute: name });
    return true;
  });
}

describe('validateResource', () => {
  it('gives back the same object when all is right', () => {
    const user = {
      userName: 'ada',
      emails: [{ value: 'a', primary: true }, { value: 'b' }],
      enterprise: { department: 'Sales' },
    };
    assert.equal(validateResource(User, user, undefined), user);
    assert.equal(validateResource(User, user, user), user);
  });

  it('refuses a resource without a required value (PUT-08)', () => {
    for (const user of [{}, { userName: '' }, { userName: ' ' }, { title: 'x' }]) {
      refuses(() => validateResource(User, user, undefined), ErrorReason.VALUE_INVALID, 'userName');
    }
  });

  it('refuses what is not of the type', () => {
    const wrong: [JsonObject, string][] = [
      [{ x509Certificates: [{ value: 'not base64!' }] }, 'x509Certificates.value'],
      [{ active: 'yes' }, 'active'],
      [{ enterprise: { department: 7 } }, `${enterprise}:department`],
    ];
    for (const [part, name] of wrong) {
      refuses(
        () => validateResource(User, { userName: 'a', ...part }, undefined),
        ErrorReason.VALUE_INVALID,
        name,
      );
    }
    refuses(
      () => validateResource(Device, { since: 'today' }, undefined),
      ErrorReason.VALUE_INVALID,
      'since',
    );
  });

  it('keeps the last of several primary values (PUT-15)', () => {
    const emails = [
      { value: 'a', primary: true },
      { value: 'b', primary: true },
      { value: 'c', primary: false },
    ];
    assert.deepEqual(validateResource(User, { userName: 'ada', emails }, undefined).emails, [
      { value: 'a', primary: false },
      { value: 'b', primary: true },
      { value: 'c', primary: false },
    ]);
  });

  it('keeps each pair of type and value once, the first of it (GET-08)', () => {
    const emails = [
      { value: 'a@example.com', type: 'work', display: 'A' },
      { value: 'b@example.com', primary: true },
      { value: 'A@EXAMPLE.COM', type: 'Work', primary: true },
      { value: 'a@example.com', type: 'home' },
      { value: 'B@example.com' },
      { type: 'other' },
      { type: 'other' },
    ];
    const photos = ['https://example.com/a', 'https://example.com/A', 'https://example.com/a'];
    const resource = { userName: 'ada', emails, photos: photos.map((value) => ({ value })) };
    const stored = validateResource(User, resource, undefined);
    assert.deepEqual(stored.emails, [
      { value: 'a@example.com', type: 'work', display: 'A', primary: false },
      { value: 'b@example.com', primary: true },
      { value: 'a@example.com', type: 'home' },
      { type: 'other' },
      { type: 'other' },
    ]);
    assert.deepEqual(stored.photos, [{ value: photos[0] }, { value: photos[1] }]);
  });

  it('gives back what is stored when nothing is new (GET-08, PUT-17)', () => {
    const email = { value: 'a@example.com', type: 'work', primary: true };
    const previous = { userName: 'ada', emails: [email] };
    assert.equal(validateResource(User, { userName: 'ada', emails: [email, email] }, previous), previous);
  });

  it('refuses to change an immutable value, and lets it be set or repeated (PUT-06, PUT-07)', () => {
    const first = { serial: 'S1' };
    assert.equal(validateResource(Device, first, {}), first);
    assert.equal(validateResource(Device, { serial: 'S1' }, first), first);
    refuses(() => validateResource(Device, { serial: 'S2' }, first), ErrorReason.MUTABILITY, 'serial');
    const maker = { maker: { name: 'M', code: '1' } };
    refuses(
      () => validateResource(Device, { maker: { name: 'M', code: '2' } }, maker),
      ErrorReason.MUTABILITY,
      'maker.code',
    );
  });

  it('keeps an immutable value that is left out', () => {
    assert.deepEqual(validateResource(Device, { since: '2026-01-01T00:00:00Z' }, { serial: 'S1' }), {
      serial: 'S1',
      since: '2026-01-01T00:00:00Z',
    });
  });

  it('requires parts only of values that are there', () => {
    const empty = {};
    assert.equal(validateResource(Device, empty, undefined), empty);
    refuses(
      () => validateResource(Device, { maker: { code: '1' } }, undefined),
      ErrorReason.VALUE_INVALID,
      'maker.name',
    );
    refuses(
      () => validateResource(Device, { ports: [{ label: 'x' }] }, undefined),
      ErrorReason.VALUE_INVALID,
      'ports.value',
    );
    refuses(
      () => validateResource(Device, { lease: { note: 'x' } }, undefined),
      ErrorReason.VALUE_INVALID,
      'urn:example:Lease:owner',
    );
  });
});
