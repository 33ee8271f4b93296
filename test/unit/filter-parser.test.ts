import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { NullValue } from '#proto/google/protobuf/struct.ts';
import { ComparisonOperator, type Filter, type Literal } from '#proto/rollcall/scim/v1/filter.ts';
import type { AttributeDefinition, ResourceTypeDefinition } from '#scim/attribute.ts';
import { filterLimits } from '#scim/filter-limits.ts';
import { parseFilter } from '#scim/filter-parser.ts';
import { printFilter } from '#scim/filter-printer.ts';
import type { JsonObject } from '#scim/json.ts';
import { createSchemaRegistry, type ResourceType } from '#scim/schema-registry.ts';
import { ScimSyntaxError } from '#scim/scim-syntax-error.ts';
import { arbitraryFilter } from '../support/arbitrary-filter.ts';
import { arbitraryUserFilter } from '../support/arbitrary-user.ts';
import { naiveMatch } from '../support/naive-filter.ts';

const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
const core = 'urn:ietf:params:scim:schemas:core:2.0:User';
const user = resourceType('User');
const group = resourceType('Group');
const device = createDeviceType();

function resourceType(name: string): ResourceType {
  const found = createSchemaRegistry().resourceType(name);
  assert.ok(found);
  return found;
}

/** A type with the attribute types that users and groups do not have. */
function createDeviceType(): ResourceType {
  const template = user.findAttribute('title');
  assert.ok(template);
  const attribute = (name: string, type: AttributeDefinition['type'], multiValued = false) => ({
    ...template,
    name,
    field: name,
    type,
    multiValued,
  });
  const definition: ResourceTypeDefinition = {
    name: 'Device',
    endpoint: '/Devices',
    description: 'A device',
    extensions: [],
    schema: {
      id: 'urn:example:Device',
      name: 'Device',
      description: 'A device',
      attributes: [
        attribute('ports', 'integer'),
        attribute('weight', 'decimal'),
        attribute('tags', 'string', true),
      ],
    },
  };
  const [type] = createSchemaRegistry([definition]).resourceTypes;
  assert.ok(type);
  return type;
}

const named = (attribute: string, subAttribute = '', extension = '') => ({
  extension,
  attribute,
  subAttribute,
});
const text = (value: string): Literal['value'] => ({ $case: 'text', value });
const no: Literal['value'] = { $case: 'null', value: NullValue.NULL_VALUE };
const compare = (
  path: ReturnType<typeof named>,
  operator: ComparisonOperator,
  value: Literal['value'],
): Filter => ({ node: { $case: 'comparison', value: { path, operator, literal: { value } } } });
const equal = (attribute: string, value: string) =>
  compare(named(attribute), ComparisonOperator.EQ, text(value));
const pr = (attribute: string, subAttribute = '', extension = ''): Filter => ({
  node: { $case: 'present', value: named(attribute, subAttribute, extension) },
});
const and = (...filters: Filter[]): Filter => ({ node: { $case: 'and', value: { filters } } });
const or = (...filters: Filter[]): Filter => ({ node: { $case: 'or', value: { filters } } });
const not = (value: Filter): Filter => ({ node: { $case: 'not', value } });
const element = (attribute: string, filter: Filter): Filter => ({
  node: { $case: 'valuePath', value: { path: named(attribute), filter } },
});

function refuses(filter: string, position: number, message: string | RegExp, type = user): void {
  assert.throws(
    () => parseFilter(type, filter),
    (error) => {
      assert.ok(error instanceof ScimSyntaxError, String(error));
      assert.equal(error.kind, 'filter');
      const prefix = `Character ${error.position} of the filter: `;
      assert.ok(error.message.startsWith(prefix), error.message);
      const problem = error.message.slice(prefix.length);
      if (typeof message === 'string') assert.equal(problem, message);
      else assert.match(problem, message);
      assert.equal(error.position, position);
      return true;
    },
  );
}

describe('comparisons', () => {
  for (const [name, operator] of Object.entries(ComparisonOperator)) {
    if (operator === ComparisonOperator.UNSPECIFIED) continue;
    test(`${name} is read in any letter case`, () => {
      const expected = compare(named('userName'), operator, text('ada'));
      const mixed = name.charAt(0) + name.charAt(1).toLowerCase();
      for (const word of [name, name.toLowerCase(), mixed]) {
        assert.deepEqual(parseFilter(user, `userName ${word} "ada"`), expected);
      }
    });
  }

  test('pr takes no literal', () => {
    assert.deepEqual(parseFilter(user, 'title PR'), pr('title'));
    assert.deepEqual(parseFilter(user, 'name pr'), pr('name'));
    refuses('title pr "x"', 10, 'Continue with "and" or "or", or end the filter here.');
  });

  test('literals are JSON', () => {
    const { EQ } = ComparisonOperator;
    const escaped = String.raw`userName eq "a \"b\" \\ \/ \u00e9 \ud83d\ude00 \n (and) ]"`;
    assert.deepEqual(parseFilter(user, escaped), equal('userName', 'a "b" \\ / é 😀 \n (and) ]'));
    const active = (value: Literal['value']) => compare(named('active'), EQ, value);
    assert.deepEqual(parseFilter(user, 'active eq true'), active({ $case: 'boolean', value: true }));
    assert.deepEqual(parseFilter(user, 'active eq False'), active({ $case: 'boolean', value: false }));
    assert.deepEqual(parseFilter(user, 'active eq NULL'), active(no));
    for (const number of ['0', '-0', '-12', '3.25', '1e3', '-1.5E-2']) {
      const parsed = parseFilter(device, `weight eq ${number}`);
      assert.deepEqual(parsed, compare(named('weight'), EQ, { $case: 'number', value: Number(number) + 0 }));
    }
    for (const number of ['007', '+1', '.5', '1.', '1e999', '0x10', 'NaN', 'Infinity', '1,5']) {
      refuses(`weight eq ${number}`, 11, /^Write a value here/, device);
    }
  });

  test('broken strings are refused', () => {
    refuses('userName eq "ada', 13, 'This string has no end; close it with a double quote.');
    refuses('userName eq "ada\\"', 13, 'This string has no end; close it with a double quote.');
    refuses('userName eq "a\\x"', 13, /^This string is not valid JSON; escape/);
    refuses('userName eq "a\nb"', 13, /^This string is not valid JSON; escape/);
    refuses('userName eq "\\ud800"', 13, 'This string has half of a Unicode character.');
    refuses(
      'userName eq ada',
      13,
      'Write a value here: text in double quotes, a number, true, false or null.',
    );
    refuses("userName eq 'ada'", 13, /^Write a value here/);
    refuses('userName eq', 12, /^Write a value here/);
    refuses('userName eq (', 13, /^Write a value here/);
  });

  test('a literal that is refused is not repeated in the error', () => {
    assert.throws(
      () => parseFilter(user, 'userName eq ada@example.com'),
      (error) => error instanceof ScimSyntaxError && !error.message.includes('ada'),
    );
  });

  test('operators and literals have to suit the type', () => {
    refuses('active gt true', 8, 'active is of type boolean, which gt cannot compare; use eq, ne or pr.');
    refuses('active co true', 8, /^active is of type boolean, which co cannot compare; use /);
    refuses(
      'x509Certificates.value SW "QQ=="',
      24,
      /^value is of type binary, which sw cannot compare; use /,
    );
    refuses('meta.created co "2026"', 14, /^created is of type dateTime, which co cannot compare; use /);
    refuses('ports sw 1', 7, /^ports is of type integer, which sw cannot compare; use /, device);
    refuses('userName gt null', 10, 'Nothing is gt null; use eq, ne or pr.');
    refuses('userName eq 5', 13, 'Compare userName with text in double quotes.');
    refuses('active eq "true"', 11, 'Compare active with true or false, without quotes.');
    refuses('ports eq "1"', 10, 'Compare ports with a number, without quotes.', device);
    for (const value of ['2026-02-30T00:00:00Z', '2026-01-31', '2026-01-31T00:00:00', 'yesterday']) {
      refuses(
        `meta.created gt "${value}"`,
        17,
        /^Compare created with a date, time and zone in double quotes/,
      );
    }
    const since = '2026-01-31T23:59:59.123456+05:30';
    assert.deepEqual(
      parseFilter(user, `meta.lastModified ge "${since}"`),
      compare(named('meta', 'lastModified'), ComparisonOperator.GE, text(since)),
    );
  });

  test('null compares with every type', () => {
    for (const path of ['userName', 'active', 'meta.created', 'photos.value', 'x509Certificates.value']) {
      assert.equal(parseFilter(user, `${path} eq null`).node?.$case, 'comparison');
      assert.equal(parseFilter(user, `${path} ne null`).node?.$case, 'comparison');
    }
  });

  test('a complex attribute means its value, and is refused when it has none', () => {
    const { CO } = ComparisonOperator;
    assert.deepEqual(parseFilter(user, 'emails co "@"'), compare(named('emails', 'value'), CO, text('@')));
    assert.deepEqual(parseFilter(group, 'members eq "1"'), parseFilter(group, 'members.value eq "1"'));
    assert.deepEqual(
      parseFilter(user, `${enterprise}:manager co "1"`),
      compare(named('manager', 'value', enterprise), CO, text('1')),
    );
    refuses('name eq "Ada"', 1, /^Compare a sub-attribute of name \(formatted, familyName, /);
    refuses('addresses co "x"', 1, /^Compare a sub-attribute of addresses \(/);
  });
});

describe('names', () => {
  const cases: [string, Filter][] = [
    ['USERNAME pr', pr('userName')],
    ['name.GIVENname pr', pr('name', 'givenName')],
    [`${core}:userName pr`, pr('userName')],
    [`${core.toUpperCase()}:NAME.familyName pr`, pr('name', 'familyName')],
    [`${enterprise}:department pr`, pr('department', '', enterprise)],
    [`${enterprise.toLowerCase()}:manager.VALUE pr`, pr('manager', 'value', enterprise)],
    [`${core}:id pr`, pr('id')],
    ['groups.$ref pr', pr('groups', '$ref')],
    ['groups.$REF pr', pr('groups', '$ref')],
    [`${enterprise}:manager.$ref pr`, pr('manager', '$ref', enterprise)],
  ];
  for (const [filter, expected] of cases) {
    test(filter, () => assert.deepEqual(parseFilter(user, filter), expected));
  }

  test('unknown ones are refused with advice', () => {
    refuses('shoeSize eq 42', 1, '"shoeSize" is not an attribute of User.');
    refuses(
      'department pr',
      1,
      `"department" is not an attribute of User; did you mean ${enterprise}:department?`,
    );
    refuses('a pr and shoeSize pr', 1, '"a" is not an attribute of User.');
    refuses(
      'name.shoeSize pr',
      6,
      /^"shoeSize" is not a sub-attribute of name: it has formatted, familyName, /,
    );
    refuses('userName.value pr', 10, '"value" is not a sub-attribute of userName: it has none.');
    refuses('name.givenName.x pr', 1, 'Names have at most two parts: attribute.subAttribute.');
    refuses(
      `${enterprise}:userName pr`,
      enterprise.length + 2,
      `"userName" is not an attribute of ${enterprise}.`,
    );
    refuses(
      'urn:example:2.0:Other:x pr',
      1,
      `This schema is not known. Schemas of User: ${core}, ${enterprise}.`,
    );
    refuses(`${enterprise} pr`, 1, 'Add ":" and the name of an attribute to the schema URN.');
    refuses(`${core} pr`, 1, 'Add ":" and the name of an attribute to the schema URN.');
    refuses('constructor pr', 1, /is not an attribute/);
    refuses('__proto__ pr', 1, /is not an attribute/);
    refuses('. pr', 1, /is not an attribute/);
    refuses('name. pr', 6, /is not a sub-attribute/);
    refuses(`${'x'.repeat(500)} pr`, 1, `"${'x'.repeat(60)}…" is not an attribute of User.`);
  });
});

describe('attributes of other types', () => {
  const parse = (text: string) => printFilter(parseFilter(group, text, { unknown: 'noValue' }));
  const rows: [string, string][] = [
    ['userName pr', 'not (id pr)'],
    ['userName eq "a"', 'not (id pr)'],
    ['userName ne "a"', 'id pr'],
    ['userName co "a"', 'not (id pr)'],
    ['active eq true', 'not (id pr)'],
    ['userName eq null', 'id pr'],
    ['userName ne null', 'not (id pr)'],
    ['emails[type eq "work" and not (value co "x")]', 'not (id pr)'],
    ['emails[type eq "work"].value eq "x"', 'not (id pr)'],
    ['name.givenName ne 7', 'id pr'],
    ['members.nope ne "x"', 'id pr'],
    [`${enterprise}:manager.value pr`, 'not (id pr)'],
    ['hairColor eq "red" or displayName eq "x"', 'not (id pr) or displayName eq "x"'],
  ];
  for (const [text, expected] of rows) {
    test(`have no value when several types are searched: ${text} (QRY-06, FLT-36)`, () =>
      assert.equal(parse(text), expected));
  }

  test('are written like any other (QRY-06)', () => {
    const broken = [
      'userName',
      'userName eq',
      'userName eq bjensen',
      'userName like "x"',
      'user!name pr',
      'name.a.b pr',
      '7up pr',
      'emails[',
      'emails[value xx 1]',
      'emails[value[type pr]]',
      'emails[value.x pr',
      'emails[value pr].type',
      'active gt true and active pr or',
    ];
    for (const text of broken) assert.throws(() => parse(text), ScimSyntaxError, text);
    assert.throws(() => parse('members[nope pr]'), ScimSyntaxError);
    assert.throws(() => parse('displayName gt 1'), ScimSyntaxError);
    refuses('hairColor pr', 1, '"hairColor" is not an attribute of User.');
  });

  test('count as terms, and their brackets as levels', () => {
    assert.throws(() => parse(Array(101).fill('userName pr').join(' or ')), ScimSyntaxError);
    assert.throws(() => parse(`emails[${'('.repeat(40)}value pr${')'.repeat(40)}]`), ScimSyntaxError);
  });
});

describe('logic', () => {
  const [a, b, c] = [pr('title'), pr('userType'), pr('locale')];
  const cases: [string, Filter][] = [
    ['title pr and userType pr', and(a, b)],
    ['title pr AND userType pr And locale pr', and(a, b, c)],
    ['title pr or userType pr and locale pr', or(a, and(b, c))],
    ['title pr and userType pr or locale pr', or(and(a, b), c)],
    ['(title pr or userType pr) and locale pr', and(or(a, b), c)],
    ['title pr and (userType pr and locale pr)', and(a, and(b, c))],
    ['not (title pr) and userType pr', and(not(a), b)],
    ['NOT(title pr)', not(a)],
    ['not   (title pr or userType pr)', not(or(a, b))],
    ['not (not (title pr))', not(not(a))],
    ['((title pr))', a],
    ['  title   pr\tand\nuserType pr  ', and(a, b)],
    ['(title pr)and(userType pr)', and(a, b)],
    ['title eq "and" or title eq "or"', or(equal('title', 'and'), equal('title', 'or'))],
  ];
  for (const [filter, expected] of cases) {
    test(filter, () => assert.deepEqual(parseFilter(user, filter), expected));
  }

  test('mistakes are refused where they are', () => {
    refuses('', 1, 'Write the name of an attribute, "not" or "(" here.');
    refuses('   ', 4, /^Write the name/);
    refuses('title', 6, 'Write an operator here: eq, ne, co, sw, ew, gt, ge, lt, le or pr.');
    refuses('title has "x"', 7, 'This is not an operator; use eq, ne, co, sw, ew, gt, ge, lt, le or pr.');
    refuses('title = "x"', 7, /^This is not an operator/);
    refuses('title unspecified "x"', 7, /^This is not an operator/);
    refuses('title "x"', 7, /^Write an operator here/);
    refuses('not title pr', 5, 'Put what follows "not" in parentheses.');
    refuses('title pr and', 13, /^Write the name/);
    refuses('title pr or or userType pr', 13, '"or" is not an attribute of User.');
    refuses('(title pr', 10, 'Close the "(" of character 1 with ")", or continue with "and" or "or".');
    refuses('(title pr]', 10, /^Close the "\("/);
    refuses('title pr)', 9, 'Continue with "and" or "or", or end the filter here.');
    refuses('title pr userType pr', 10, 'Continue with "and" or "or", or end the filter here.');
    refuses('title pr, userType pr', 7, /^This is not an operator/);
    refuses('()', 2, /^Write the name/);
    refuses('"title" eq "x"', 1, /^Write the name/);
    refuses('[title pr]', 1, /^Write the name/);
  });
});

describe('value paths', () => {
  const work = equal('type', 'work');
  const cases: [string, Filter][] = [
    ['emails[type eq "work"]', element('emails', work)],
    [
      'EMAILS[TYPE Eq "work" AND value co "@"]',
      element('emails', and(work, compare(named('value'), ComparisonOperator.CO, text('@')))),
    ],
    ['emails[not (type eq "work") or (primary pr)]', element('emails', or(not(work), pr('primary')))],
    ['title pr and emails[type eq "work"]', and(pr('title'), element('emails', work))],
    ['not (emails[type eq "work"])', not(element('emails', work))],
    [`${core}:emails[type eq "work"]`, element('emails', work)],
    ['emails[type eq "work"].value eq "x"', element('emails', and(work, equal('value', 'x')))],
    [
      'emails[type eq "work"].Value pr and title pr',
      and(element('emails', and(work, pr('value'))), pr('title')),
    ],
    ['groups[$ref pr]', element('groups', pr('$ref'))],
  ];
  for (const [filter, expected] of cases) {
    test(filter, () => assert.deepEqual(parseFilter(user, filter), expected));
  }

  test('mistakes are refused where they are', () => {
    const misplaced = /^Brackets select among the values of a multi-valued complex attribute/;
    refuses('name[givenName pr]', 5, misplaced);
    refuses('userName[value pr]', 9, misplaced);
    refuses('emails.value[type pr]', 13, misplaced);
    refuses('tags[value pr]', 5, misplaced, device);
    refuses('emails[emails[type pr]]', 8, /^"emails" is not a sub-attribute of emails/);
    refuses('emails[value[type pr]]', 13, 'Brackets cannot stand inside brackets; use "and".');
    refuses('emails[emails.type pr]', 8, /is not a sub-attribute of emails/);
    refuses('emails[]', 8, /^Write the name/);
    refuses('emails[type pr', 15, 'Close the "[" of character 7 with "]", or continue with "and" or "or".');
    refuses('emails[type pr)', 15, /^Close the "\["/);
    refuses('emails[type pr].nope pr', 17, /^"nope" is not a sub-attribute of emails/);
    refuses('emails[type pr].value', 22, /^Write an operator here/);
    refuses('emails[type pr]value pr', 16, /^Continue with "and" or "or"/);
    refuses('emails[primary eq "True"]', 19, 'Compare primary with true or false, without quotes.');
  });
});

describe('limits', () => {
  const terms = (count: number) => Array.from({ length: count }, () => 'title pr').join(' or ');
  const nested = (levels: number) => `${'('.repeat(levels)}title pr${')'.repeat(levels)}`;
  const negated = (levels: number) => `${'not ('.repeat(levels)}title pr${')'.repeat(levels)}`;

  test('the largest accepted', () => {
    parseFilter(user, terms(filterLimits.terms));
    parseFilter(user, nested(filterLimits.depth));
    parseFilter(user, negated(filterLimits.depth - 1));
    parseFilter(user, `title eq "${'x'.repeat(filterLimits.length - 11)}"`);
  });

  test('one more is refused', () => {
    refuses(terms(filterLimits.terms + 1), 1201, 'Use 100 comparisons or fewer.');
    refuses(nested(filterLimits.depth + 1), 33, 'Nest parentheses, "not" and brackets at most 32 deep.');
    refuses(negated(filterLimits.depth), 1, 'Nest parentheses, "not" and brackets at most 32 deep.');
    refuses(
      `title eq "${'x'.repeat(filterLimits.length - 10)}"`,
      8193,
      'Shorten it to 8192 characters or fewer.',
    );
  });

  test('terms and levels in brackets count', () => {
    refuses(`emails[${terms(101).replaceAll('title', 'type')}]`, 1108, 'Use 100 comparisons or fewer.');
    refuses(`emails[${nested(32).replace('title', 'type')}]`, 39, /^Nest parentheses/);
  });

  test('levels of the tree count, not only brackets', () => {
    const alternating = (levels: number): string =>
      levels === 0 ? 'title pr' : `not (title pr and (${alternating(levels - 1)}))`;
    parseFilter(user, alternating(15));
    refuses(alternating(16), 1, /^Nest parentheses/);
  });

  test('groups beside each other are not deeper than one', () => {
    const beside = Array.from({ length: filterLimits.depth + 8 }, () => '(title pr) or emails[type pr]').join(
      ' or ',
    );
    const { node } = parseFilter(user, beside);
    assert.equal(node?.$case === 'or' && node.value.filters.length, 2 * (filterLimits.depth + 8));
  });

  test('absurd sizes end in the same error, not in an exhausted stack', () => {
    refuses(`title eq "${'x'.repeat(100_000)}"`, 8193, /^Shorten it/);
    refuses(nested(1000), 33, /^Nest parentheses/);
    refuses(negated(1000), 165, /^Nest parentheses/);
    refuses('('.repeat(8000), 33, /^Nest parentheses/);
    refuses('['.repeat(8000), 1, /^Write the name/);
    refuses(nested(1_000_000), 8193, /^Shorten it/);
  });
});

describe('properties', () => {
  for (const type of [user, group, device]) {
    test(`what is printed is read back to the same tree: ${type.name}`, () => {
      fc.assert(
        fc.property(arbitraryFilter(type), (filter) => {
          const printed = printFilter(filter);
          fc.pre(
            printed.length <= filterLimits.length &&
              (printed.match(/ (eq|ne|co|sw|ew|g[te]|l[te]|pr)\b/g) ?? []).length <= 100,
          );
          assert.deepEqual(parseFilter(type, printed), filter);
        }),
        { numRuns: 500 },
      );
    });
  }

  test('a filter on users says of a group what the RFC says of attributes without a value (QRY-06)', () => {
    const members = [{ value: 'a', type: 'User' }];
    const meta = { resourceType: 'Group', created: '2026-01-02T00:00:00Z', version: '1' };
    const shown: JsonObject = { id: 'a', displayName: 'ab', externalId: 'A', members, meta };
    fc.assert(
      fc.property(arbitraryUserFilter(['a', 'b'], ['a']), (filter) => {
        const read = parseFilter(group, printFilter(filter), { unknown: 'noValue' });
        assert.deepEqual(parseFilter(group, printFilter(read)), read, 'a filter on groups');
        assert.equal(naiveMatch(shown, read), naiveMatch(shown, filter), printFilter(filter));
      }),
      { numRuns: 1000 },
    );
  });

  test('nothing but ScimSyntaxError is thrown, whatever the text', () => {
    const piece = fc.constantFrom(
      'userName',
      'emails',
      'name.givenName',
      core,
      `${enterprise}:manager`,
      ':',
      '.',
      '.value',
      '$ref',
      ' ',
      ' ',
      ' ',
      '(',
      ')',
      '[',
      ']',
      'not',
      'and',
      'or',
      'eq',
      'pr',
      'co',
      'true',
      'null',
      '12',
      '"x"',
      '"',
      '\\',
      '\u00a0',
      '\u0000',
    );
    const garbage = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(piece, { maxLength: 30 }).map((all) => all.join('')),
    );
    fc.assert(
      fc.property(garbage, (filter) => {
        try {
          const parsed = parseFilter(user, filter);
          // What is accepted is a whole tree: it prints, and means the same again.
          assert.deepEqual(parseFilter(user, printFilter(parsed)), parsed);
          assert.ok(parseFilter(group, filter, { unknown: 'noValue' }));
        } catch (error) {
          assert.ok(error instanceof ScimSyntaxError, String(error));
          assert.ok(error.position >= 1 && error.position <= filter.length + 1, `${error.position}`);
        }
      }),
      { numRuns: 3000 },
    );
  });
});
