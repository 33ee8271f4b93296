import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AttributeDefinition } from '#scim/attribute.ts';
import { AttributeValueError, readAttributeValue } from '#scim/attribute-value.ts';
import type { JsonValue } from '#scim/json.ts';
import { createSchemaRegistry } from '#scim/schema-registry.ts';

const user = createSchemaRegistry().resourceType('User');
const group = createSchemaRegistry().resourceType('Group');

function attribute(name: string, extension = ''): AttributeDefinition {
  const found = user?.findAttribute(name, extension) ?? group?.findAttribute(name, extension);
  assert.ok(found, `no attribute ${name}`);
  return found;
}

function ofType(type: AttributeDefinition['type']): AttributeDefinition {
  return { ...attribute('title'), name: 'sample', type };
}

function read(definition: AttributeDefinition, value: JsonValue): JsonValue | undefined {
  return readAttributeValue(definition, value, { unknown: 'refuse' });
}

function refuses(
  definition: AttributeDefinition,
  value: JsonValue,
  path: string,
  message: RegExp | string,
): void {
  assert.throws(
    () => read(definition, value),
    (error) => {
      assert.ok(error instanceof AttributeValueError, String(error));
      assert.equal(error.attribute, path);
      if (typeof message === 'string') assert.equal(error.message, message);
      else assert.match(error.message, message);
      return true;
    },
  );
}

describe('simple values', () => {
  const accepted: [AttributeDefinition['type'], JsonValue[]][] = [
    ['string', ['', 'Ada', 'ünï 𝒞ode', 'a\u0000b']],
    ['reference', ['https://example.com/ada', '../Users/1']],
    ['boolean', [true, false]],
    ['integer', [0, -3, 2 ** 53 - 1]],
    ['decimal', [0, 1.5, -2e-7]],
    ['dateTime', ['2026-01-31T23:59:59Z', '2024-02-29t00:00:00.123456789+05:30']],
    ['binary', ['', 'QQ==', 'QQ', 'QUJD', '-_-_', 'QUJD\nQUJD\n']],
  ];
  for (const [type, values] of accepted) {
    test(`${type} keeps what is of its type`, () => {
      for (const value of values) assert.deepEqual(read(ofType(type), value), value);
    });
  }

  const refused: [AttributeDefinition['type'], JsonValue[], RegExp][] = [
    [
      'string',
      [1, true, ['a'], { value: 'a' }],
      /^sample must be text; this is (a number|a boolean|a list|an object)\.$/,
    ],
    ['string', ['\ud800'], /^sample must be text; this text has half of a Unicode character\.$/],
    ['reference', [1, {}, []], /^sample must be a URI, as text; /],
    ['boolean', ['true', 'False', 0, 1, [true]], /^sample must be true or false, without quotes; /],
    ['integer', ['1', 1.5, 2 ** 53, true], /^sample must be a whole number; /],
    ['decimal', ['1.5', false], /^sample must be a number; /],
    [
      'dateTime',
      [
        '2026-01-31',
        '2026-02-30T00:00:00Z',
        '2026-01-31T24:00:00Z',
        '2026-01-31T23:59:59',
        1769904000,
        'now',
      ],
      /^sample must be a date, time and zone, such as "2026-01-31T23:59:59Z"; /,
    ],
    [
      'binary',
      [
        '-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----',
        'Q',
        'QQ=',
        'QUJD=',
        'Q=Q=',
        'a+b_',
        'ä',
        1,
      ],
      /^sample must be base64 text; /,
    ],
  ];
  for (const [type, values, message] of refused) {
    test(`${type} refuses ${JSON.stringify(values)}`, () => {
      for (const value of values) refuses(ofType(type), value, 'sample', message);
    });
  }

  test('an error does not repeat the value, which may be about a person', () => {
    refuses(
      attribute('active'),
      'ada@example.com',
      'active',
      'active must be true or false, without quotes; this is text.',
    );
  });
});

describe('formats', () => {
  const readStrictly = (definition: AttributeDefinition, value: JsonValue) =>
    readAttributeValue(definition, value, { unknown: 'refuse', checkFormats: true });
  const sequence = (length: number, ...more: number[]) =>
    Buffer.from([0x30, 0x82, length >> 8, length & 255, ...Array(length).fill(7), ...more]).toString(
      'base64',
    );
  const rows: [string, (value: string) => JsonValue, string[], string[]][] = [
    [
      'addresses',
      (country) => [{ country }],
      ['NL', 'us', 'GB', 'SS'],
      ['', 'USA', 'ZZ', 'EU', 'AB', 'UK', 'XK', 'toString'],
    ],
    ['locale', (tag) => tag, ['en', 'en-US', 'en_US', 'zh-Hant-TW'], ['', 'x y', 'english, please', 'en-']],
    [
      'x509Certificates',
      (value) => [{ value }],
      ['QUJD', sequence(300), Buffer.from([0x30, 2, 1, 1]).toString('base64')],
      [sequence(300, 0x30, 1, 1), Buffer.from([0x30, 2, 1, 1, 0x30, 0]).toString('base64')],
    ],
  ];
  for (const [name, wrap, right, wrong] of rows) {
    test(`${name} has a form, where forms are checked (USR-04, USR-10, USR-13)`, () => {
      for (const text of right) assert.deepEqual(readStrictly(attribute(name), wrap(text)), wrap(text), text);
      for (const text of wrong) {
        assert.throws(() => readStrictly(attribute(name), wrap(text)), AttributeValueError, text);
        assert.deepEqual(read(attribute(name), wrap(text)), wrap(text));
      }
    });
  }

  test('what is wrong is said', () => {
    assert.throws(() => readStrictly(attribute('addresses'), [{ country: 'USA' }]), {
      attribute: 'addresses.country',
      message: 'addresses.country must be an ISO 3166-1 alpha-2 code, such as "NL".',
    });
  });
});

describe('complex values', () => {
  test('keys are spelled as the schema spells them, whatever case the client uses', () => {
    assert.deepEqual(read(attribute('name'), { GIVENNAME: 'Ada', familyname: 'Example' }), {
      givenName: 'Ada',
      familyName: 'Example',
    });
  });

  test('lists are read element by element, in order', () => {
    const emails = [
      { Value: 'a@example.com', TYPE: 'work', primary: true },
      { value: 'b@example.com', type: 'home' },
    ];
    assert.deepEqual(read(attribute('emails'), emails), [
      { value: 'a@example.com', type: 'work', primary: true },
      { value: 'b@example.com', type: 'home' },
    ]);
  });

  test('an unknown sub-attribute is left out and told', () => {
    const ignored: string[] = [];
    const value = readAttributeValue(
      attribute('emails'),
      [{ value: 'a@example.com', label: 'x' }, { Extra: null }],
      { unknown: 'ignore', onIgnored: (path) => ignored.push(path) },
    );
    assert.deepEqual(value, [{ value: 'a@example.com' }]);
    assert.deepEqual(ignored, ['emails.label', 'emails.Extra']);
  });

  test('or is refused with the names there are', () => {
    refuses(
      attribute('emails'),
      [{ value: 'a@example.com', label: 'x' }],
      'emails.label',
      'emails.label is not known; emails has value, display, type, primary.',
    );
  });

  test('keys that every object inherits are unknown like others', () => {
    for (const key of ['__proto__', 'constructor', 'toString']) {
      const value: JsonValue = JSON.parse(`{"givenName":"Ada","${key}":{"polluted":true}}`);
      assert.deepEqual(readAttributeValue(attribute('name'), value, { unknown: 'ignore' }), {
        givenName: 'Ada',
      });
      refuses(attribute('name'), value, `name.${key}`, /is not known/);
    }
  });

  test('a key in two cases is refused, because either could be meant', () => {
    refuses(
      attribute('name'),
      { givenName: 'Ada', GivenName: 'Eve' },
      'name.givenName',
      'name.givenName is there twice, as "givenName" and "GivenName"; send one.',
    );
  });

  test('read-only and derived sub-attributes are left out, whatever they hold', () => {
    const manager = attribute('manager', 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User');
    assert.deepEqual(read(manager, { value: '1', $ref: 5, displayName: ['x'] }), { value: '1' });
    assert.deepEqual(read(attribute('members'), [{ value: '1', $ref: null, type: 'User' }]), [
      { value: '1', type: 'User' },
    ]);
    assert.equal(read(attribute('groups'), [{ value: '1', display: 'x' }]), undefined);
  });

  test('the path of an error leads to the sub-attribute', () => {
    refuses(
      attribute('emails'),
      [{ value: 1 }],
      'emails.value',
      'emails.value must be text; this is a number.',
    );
    refuses(attribute('emails'), [{ primary: 'yes' }], 'emails.primary', /true or false/);
  });

  test('objects and lists do not stand for each other', () => {
    refuses(attribute('name'), 'Ada', 'name', 'name must be an object; this is text.');
    refuses(attribute('name'), [{ givenName: 'Ada' }], 'name', 'name must be an object; this is a list.');
    refuses(
      attribute('emails'),
      { value: 'a@example.com' },
      'emails',
      'emails must be a list; this is an object.',
    );
    refuses(attribute('emails'), ['a@example.com'], 'emails', 'emails must be an object; this is text.');
    refuses(
      attribute('emails'),
      [[{ value: 'a@example.com' }]],
      'emails',
      /must be an object; this is a list/,
    );
  });
});

describe('unassigned', () => {
  test('null, [] and {} are the same', () => {
    assert.equal(read(attribute('title'), null), undefined);
    assert.equal(read(attribute('active'), null), undefined);
    assert.equal(read(attribute('emails'), null), undefined);
    assert.equal(read(attribute('emails'), []), undefined);
    assert.equal(read(attribute('name'), {}), undefined);
  });

  test('also when nothing is left inside', () => {
    assert.equal(read(attribute('name'), { givenName: null }), undefined);
    assert.equal(read(attribute('emails'), [null, {}, { value: null }]), undefined);
    assert.deepEqual(read(attribute('emails'), [null, { value: 'a@example.com', display: null }]), [
      { value: 'a@example.com' },
    ]);
  });

  test('false, 0 and empty text are values', () => {
    assert.equal(read(attribute('active'), false), false);
    assert.equal(read(ofType('integer'), 0), 0);
    assert.equal(read(attribute('title'), ''), '');
  });
});
