import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import type { JsonValue } from '#scim/json.ts';
import { isJsonArray, isJsonObject } from '#scim/json.ts';
import { createSchemaRegistry } from '#scim/schema-registry.ts';
import { closeJson } from '../../gateway/masking/close-json.ts';
import { maskFilter, maskFreeText } from '../../gateway/masking/mask-text.ts';
import { maskedAnswer } from '../../gateway/masking/masked-answer.ts';
import { maskedJson } from '../../gateway/masking/masked-json.ts';
import { maskedUrl } from '../../gateway/masking/masked-url.ts';
import { createSecrets } from '../../gateway/masking/secrets.ts';

const registry = createSchemaRegistry();
const secrets = createSecrets(registry);
const presented = 'the-token-that-came-along';
const kib16 = 16 * 1_024;

function masked(value: JsonValue, configured: readonly string[] = [], maxBytes = kib16) {
  const options = { secrets: createSecrets(registry, configured), presented, maxBytes };
  return maskedJson(value, options);
}

/** The masked value, whole. */
function maskedValue(value: JsonValue, configured: readonly string[] = []): JsonValue {
  const { text, cut } = masked(value, configured, Number.MAX_SAFE_INTEGER);
  assert.equal(cut, false);
  return JSON.parse(text);
}

suite('masked JSON', () => {
  test('has a placeholder for what is never returned, however it is spelled', () => {
    const user = {
      userName: 'ada',
      password: 'hunter2',
      PASSWORD: 'hunter2',
      'urn:ietf:params:scim:schemas:core:2.0:User:password': 'hunter2',
      'urn:ietf:params:scim:schemas:core:2.0:User': { password: 'hunter2' },
      title: null,
    };
    assert.deepEqual(maskedValue(user), {
      userName: 'ada',
      password: '<masked text>',
      PASSWORD: '<masked text>',
      'urn:ietf:params:scim:schemas:core:2.0:User:password': '<masked text>',
      'urn:ietf:params:scim:schemas:core:2.0:User': { password: '<masked text>' },
      title: null,
    });
    assert.deepEqual(masked(user).names, ['password']);
  });

  test('looks into the operations of a PATCH, also when the value stands before the path', () => {
    const operations = [
      { op: 'replace', path: 'password', value: 'hunter2' },
      { value: 'hunter2', path: 'urn:ietf:params:scim:schemas:core:2.0:User:Password', op: 'Add' },
      { op: 'replace', value: { password: 'hunter2', title: 'x' } },
      { op: 'remove', path: 'emails[password eq "hunter2"].value' },
      { op: 'replace', path: 'title', value: 'x' },
    ];
    assert.deepEqual(maskedValue({ Operations: operations }), {
      Operations: [
        { op: 'replace', path: 'password', value: '<masked text>' },
        {
          value: '<masked text>',
          path: 'urn:ietf:params:scim:schemas:core:2.0:User:Password',
          op: 'Add',
        },
        { op: 'replace', value: { password: '<masked text>', title: 'x' } },
        { op: 'remove', path: 'emails[password eq "<masked text>"].value' },
        { op: 'replace', path: 'title', value: 'x' },
      ],
    });
  });

  test('looks into bulk data, searches, and text that is JSON itself', () => {
    const data = { password: 'hunter2', nickName: '{"password":"hunter2"}' };
    assert.deepEqual(
      maskedValue({ Operations: [{ method: 'POST', path: '/Users', data }], filter: 'password sw "hu"' }),
      {
        Operations: [
          {
            method: 'POST',
            path: '/Users',
            data: { password: '<masked text>', nickName: '<masked text>' },
          },
        ],
        filter: 'password sw "<masked text>"',
      },
    );
  });

  test('keeps the type of what it masks, so that the request can be sent again', () => {
    const configured = ['x509Certificates', 'active', 'emails', 'profileUrl', 'entitlements'];
    const user = {
      active: true,
      profileUrl: 'https://example.com/ada',
      emails: [{ value: 'ada@example.com', primary: true, display: null }],
      x509Certificates: [{ value: 'MIIC' }],
      entitlements: [7, ['x']],
    };
    assert.deepEqual(maskedValue(user, configured), {
      active: false,
      profileUrl: 'urn:masked',
      emails: [{ value: '<masked text>', primary: false, display: null }],
      x509Certificates: [{ value: 'PG1hc2tlZD4=' }],
      entitlements: [0, ['<masked text>']],
    });
    const { names } = masked(user, configured);
    assert.deepEqual(names.toSorted(), configured.toSorted());
    const operation = { op: 'replace', path: 'emails[type eq "work"].value', value: 'ada@example.com' };
    assert.deepEqual(maskedValue({ Operations: [operation] }, ['emails']), {
      Operations: [{ op: 'replace', path: 'emails[type eq "<masked text>"].value', value: '<masked text>' }],
    });
  });

  test('knows a configured attribute by the last part of its name, wherever that stands', () => {
    const urn = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
    const configured = ['name.familyName', `${urn}:employeeNumber`, 'path'];
    const user = {
      name: { givenName: 'Ada', FamilyName: 'Lovelace' },
      'name.familyName': 'Lovelace',
      familyName: 'Lovelace',
      [urn]: { employeeNumber: 'E-1', department: 'Engines' },
      [`${urn}:employeeNumber`]: 'E-1',
      path: 'E-1',
    };
    assert.deepEqual(maskedValue(user, configured), {
      name: { givenName: 'Ada', FamilyName: '<masked text>' },
      'name.familyName': '<masked text>',
      familyName: '<masked text>',
      [urn]: { employeeNumber: '<masked text>', department: 'Engines' },
      [`${urn}:employeeNumber`]: '<masked text>',
      path: '<masked text>',
    });
    const filter = `name.givenName eq "Ada" and (${urn}:employeeNumber sw "E" or name[familyname eq "L"])`;
    assert.equal(
      maskFilter(filter, createSecrets(registry, configured), presented),
      `name.givenName eq "<masked text>" and (${urn}:employeeNumber sw "<masked text>" or name[familyname eq "<masked text>"])`,
    );
  });

  test('has no token, neither one that Rollcall made nor the one presented', () => {
    const token = `rollcall_${'aB3-'.repeat(10)}`;
    const value = { nickName: `my ${token}.`, title: presented, [token]: 1, list: [presented] };
    const { text } = masked(value);
    assert.equal(
      text,
      '{"nickName":"my <masked token>.","title":"<masked token>","<masked token>":1,"list":["<masked token>"]}',
    );
  });

  test('is cut at 16 KiB in whole characters, and says so', () => {
    for (const character of ['x', 'ü', '\u{1f600}', '\ud800', '"']) {
      for (const length of [5_000, 16_381, 20_000, 100_000]) {
        const { text, cut } = masked({ a: character.repeat(length) });
        assert.ok(Buffer.byteLength(text) <= kib16);
        assert.ok(text.isWellFormed());
        const wholeText = JSON.stringify({ a: character.repeat(length) });
        assert.equal(cut, Buffer.byteLength(wholeText) > kib16, `${character} ${length}`);
        if (!cut) assert.equal(text, wholeText);
      }
    }
    assert.equal(masked({ a: 'x'.repeat(kib16 - '{"a":""}'.length) }).cut, false);
    assert.equal(masked({ a: 'x'.repeat(kib16 - '{"a":""}'.length + 1) }).cut, true);
  });

  test('shows no half of a token at the cut', () => {
    const token = `rollcall_${'a'.repeat(43)}`;
    for (let length = 2 * kib16 - 60; length < 2 * kib16 + 10; length++) {
      const { text } = masked({ a: `${presented} `.repeat(length / (presented.length + 1)) + token });
      assert.doesNotMatch(text, /rollcall_|the-token/);
    }
  });
});

suite('masked text', () => {
  const filters: readonly [string, string][] = [
    ['userName eq "ada"', 'userName eq "ada"'],
    ['title eq "password"', 'title eq "password"'],
    ['password eq "hunter2"', 'password eq "<masked text>"'],
    ['PassWord eq "hun\\"ter2" and title pr', 'PassWord eq "<masked text>" and title pr'],
    ['(password eq "hunter2', '(password eq "<masked text>"'],
    ['password eq hunter2 or emails.value pr', 'password eq <masked text> or emails.value pr'],
    [
      'urn:ietf:params:scim:schemas:core:2.0:User:password eq 12',
      'urn:ietf:params:scim:schemas:core:2.0:User:password eq <masked text>',
    ],
    ['password=hunter2', '<masked text>'],
    [
      'emails[type eq "work" and password eq "x"].value',
      'emails[type eq "<masked text>" and password eq "<masked text>"].value',
    ],
  ];
  for (const [filter, expected] of filters) {
    test(`of the filter ${filter}`, () => {
      assert.equal(maskFilter(filter, secrets, presented), expected);
    });
  }

  test('of a long text takes no longer than it is long', () => {
    for (const piece of ['a', ':', '"', ' ', '\\', 'a:', 'password', '(', 'rollcall_']) {
      const text = piece.repeat(1_000_000 / piece.length);
      maskFreeText(text, secrets, presented);
      maskFilter(`password ${text}`, secrets, presented);
      maskFilter(text, secrets, presented);
    }
  });
});

suite('a masked answer', () => {
  const words = [
    'ada',
    'userName',
    'password',
    'my "token"',
    'rollcall_0123456789abcdefgh',
    'ämter',
    'x"y\\z-12',
  ];
  const arbitraryText = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom(...words));
  const { answer: arbitraryAnswer } = fc.letrec<{ answer: JsonValue }>((tie) => ({
    answer: fc.oneof(
      arbitraryText,
      fc.integer(),
      fc.array(tie('answer')),
      fc.dictionary(arbitraryText, tie('answer')),
    ),
  }));
  const arbitraryPresented = fc.constantFrom(presented, 'x"y\\z-12');

  test('has what is masked of its value', () => {
    fc.assert(
      fc.property(arbitraryAnswer, arbitraryPresented, fc.boolean(), (answer, token, asksMore) => {
        const options = {
          secrets: createSecrets(registry, asksMore ? ['Ämter'] : []),
          presented: token,
          maxBytes: kib16,
        };
        const { text } = maskedAnswer(JSON.stringify(answer), options);
        assert.equal(text, maskedJson(answer, options).text);
      }),
    );
  });

  test('that is long begins with what is whole', () => {
    const options = { secrets, presented, maxBytes: 10 };
    const answer = '{"a":["b","ö"],"c":1}';
    assert.deepEqual(maskedAnswer(answer, options), { text: '{"a":["b"]', cut: true, names: [] });
    assert.deepEqual(maskedAnswer('{', { ...options, maxBytes: 0 }), { text: '', cut: true, names: [] });
    assert.deepEqual(maskedAnswer('', options), { text: '', cut: false, names: [] });
  });
});

suite('a masked URL', () => {
  const urls: readonly [string, string, readonly string[]][] = [
    ['/Users/1', '/Users/1', []],
    [
      '/Users?filter=title+eq+%22a%22&count=5&attributes=userName',
      '/Users?filter=title+eq+%22a%22&count=5&attributes=userName',
      [],
    ],
    [
      '/Users?Filter=password%20eq%20%22hunter2%22&startIndex=1',
      '/Users?Filter=password%20eq%20%22%3Cmasked%20text%3E%22&startIndex=1',
      ['Filter'],
    ],
    ['/Users?access_token=hunter2', '/Users?access_token=%3Cmasked%20text%3E', ['access_token']],
    ['/Users?aadOptscim062020', '/Users?aadOptscim062020', []],
    ['/Users?filter=%zz', '/Users?filter=%3Cmasked%20text%3E', ['filter']],
    [`/Users/${presented}?cursor=${presented}`, '/Users/<masked token>?cursor=<masked token>', []],
  ];
  for (const [url, text, names] of urls) {
    test(`of ${url}`, () => assert.deepEqual(maskedUrl(url, secrets, presented), { text, names }));
  }
});

suite('the beginning of a JSON text', () => {
  test('is closed to JSON that says no more than the text', () => {
    fc.assert(
      fc.property(fc.json(), fc.nat(), (json, length) => {
        const begin = json.slice(0, length % (json.length + 1));
        const closed = closeJson(begin);
        if (closed === undefined) return assert.doesNotMatch(begin, /^\s*[[{]/);
        assertBegin(JSON.parse(closed), JSON.parse(json));
      }),
    );
  });

  test('loses only what it ends in the middle of', () => {
    assert.equal(closeJson('{"a":[1,2,{"b":"x,]"},"unfin'), '{"a":[1,2,{"b":"x,]"}]}');
    assert.equal(closeJson('{"a":1,"b":tr'), '{"a":1}');
    assert.equal(closeJson('{"a":"\\"'), '{}');
    assert.equal(closeJson(''), undefined);
  });
});

/** Whether everything in a value stands in another one, in the same place. */
function assertBegin(begin: JsonValue, whole: JsonValue | undefined): void {
  if (isJsonArray(begin) && isJsonArray(whole)) {
    for (const [index, item] of begin.entries()) assertBegin(item, whole[index]);
  } else if (isJsonObject(begin) && isJsonObject(whole)) {
    for (const [key, item] of Object.entries(begin)) assertBegin(item, whole[key]);
  } else assert.deepEqual(begin, whole);
}
