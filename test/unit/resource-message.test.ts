import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { User as UserMessage } from '#proto/rollcall/scim/v1/user.ts';
import { createSchemaRegistry } from '#scim/schema-registry.ts';
import { resourceFromMessage, resourceToMessage } from '../../services/directory/resource-message.ts';

const User = createSchemaRegistry().resourceType('User');
assert(User);

describe('a resource and its message', () => {
  const resource = {
    userName: 'ada@example.com',
    externalId: '',
    active: false,
    name: { givenName: 'Ada' },
    emails: [{ value: 'ada@example.com', primary: true }],
    enterprise: { manager: { value: 'm1' } },
  };

  it('lose nothing that is stored', () => {
    const wire = UserMessage.encode(UserMessage.fromPartial(resourceToMessage(User, resource))).finish();
    assert.deepEqual(resourceFromMessage(User, UserMessage.decode(wire)), resource);
  });

  it('drop what the server sets and what has no value (PUT-05)', () => {
    const message = UserMessage.fromPartial({
      id: 'x',
      meta: { version: '7', created: new Date() },
      userName: 'ada',
      password: 'secret',
      groups: [{ value: 'g' }],
      name: {},
      emails: [{}],
      enterprise: { manager: { ref: 'x', displayName: 'M' } },
      extensions: { 'urn:example:x': {} },
      unknown: {},
    });
    assert.deepEqual(resourceFromMessage(User, message), { userName: 'ada' });
  });

  it('keep declared and unknown attributes apart from all others', () => {
    const message = UserMessage.fromPartial({
      userName: 'ada',
      extensions: { 'urn:Example:2.0:Badge': { level: 3 } },
      unknown: { $shoe: { size: [43] } },
    });
    const stored = resourceFromMessage(User, message);
    assert.deepEqual(stored, {
      userName: 'ada',
      'urn:example:2%2e0:badge': { level: 3 },
      unknown: '{"$shoe":{"size":[43]}}',
    });
    assert.deepEqual(UserMessage.fromPartial(resourceToMessage(User, stored)).unknown, message.unknown);
  });

  it('turn times to text and back', () => {
    const definition = User.findAttribute('meta')?.subAttributes.find(({ name }) => name === 'created');
    assert(definition);
    const since = { ...definition, name: 'since', field: 'since', mutability: 'readWrite' as const };
    const [Dated] = createSchemaRegistry([
      { ...User, schema: { ...User.schema, attributes: [since] }, extensions: [] },
    ]).resourceTypes;
    assert(Dated);
    const message = { since: new Date('2026-01-31T23:59:59.5Z') };
    const stored = resourceFromMessage(Dated, message);
    assert.deepEqual(stored, { since: '2026-01-31T23:59:59.500Z' });
    assert.deepEqual(resourceToMessage(Dated, stored), message);
    assert.deepEqual(resourceFromMessage(Dated, { since: new Date(Number.NaN) }), {});
  });
});
