import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { AttributePath } from '#proto/rollcall/scim/v1/filter.ts';
import { parseAttributeName, parseAttributePath, printAttributePath } from '#scim/attribute-path.ts';
import { filterLimits } from '#scim/filter-limits.ts';
import { parseFilter } from '#scim/filter-parser.ts';
import { createSchemaRegistry, type ResourceType } from '#scim/schema-registry.ts';
import { ScimSyntaxError } from '#scim/scim-syntax-error.ts';
import { arbitraryElementFilter } from '../support/arbitrary-filter.ts';

const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
const core = 'urn:ietf:params:scim:schemas:core:2.0:User';
const user = resourceType('User');
const group = resourceType('Group');

function resourceType(name: string): ResourceType {
  const found = createSchemaRegistry().resourceType(name);
  assert.ok(found);
  return found;
}

const path = (attribute: string, subAttribute = '', extension = ''): AttributePath => ({
  extension,
  attribute,
  subAttribute,
});

/** The filter in the brackets, as it is read inside a query. */
function elementFilter(text: string) {
  const { node } = parseFilter(user, text);
  assert.equal(node?.$case, 'valuePath');
  return node.$case === 'valuePath' ? node.value.filter : undefined;
}

type Parse = typeof parseAttributePath;

function refuses(
  text: string,
  kind: 'filter' | 'path',
  position: number,
  message: string | RegExp,
  parse: Parse = parseAttributePath,
): void {
  assert.throws(
    () => parse(user, text),
    (error) => {
      assert.ok(error instanceof ScimSyntaxError, String(error));
      const prefix = `Character ${error.position} of the ${kind}: `;
      assert.ok(error.message.startsWith(prefix), error.message);
      const problem = error.message.slice(prefix.length);
      if (typeof message === 'string') assert.equal(problem, message);
      else assert.match(problem, message);
      assert.deepEqual([error.kind, error.position], [kind, position]);
      return true;
    },
  );
}

describe('names', () => {
  const cases: [string, AttributePath][] = [
    ['userName', path('userName')],
    ['USERNAME', path('userName')],
    ['Name.GivenName', path('name', 'givenName')],
    ['emails.value', path('emails', 'value')],
    ['meta.lastModified', path('meta', 'lastModified')],
    [`${core}:userName`, path('userName')],
    [`${core}:name.familyName`, path('name', 'familyName')],
    [`${core.toUpperCase()}:externalID`, path('externalId')],
    [`${enterprise}:department`, path('department', '', enterprise)],
    [`${enterprise}:manager.value`, path('manager', 'value', enterprise)],
    [`${enterprise}:manager.$ref`, path('manager', '$ref', enterprise)],
    [`${enterprise.toLowerCase()}:Manager.displayname`, path('manager', 'displayName', enterprise)],
    [enterprise, path('', '', enterprise)],
    [enterprise.toUpperCase(), path('', '', enterprise)],
  ];
  for (const [text, expected] of cases) {
    test(text, () => {
      assert.deepEqual(parseAttributePath(user, text), expected);
      assert.deepEqual(parseAttributeName(user, text), expected);
      assert.deepEqual(parseAttributePath(user, printAttributePath(expected)), expected);
    });
  }

  test('the longest schema URN wins when one begins with another', () => {
    const title = user.findAttribute('title');
    assert.ok(title);
    const schema = (id: string) => ({ id, name: 'X', description: 'X', attributes: [title] });
    const [type] = createSchemaRegistry([
      {
        ...user,
        schema: schema('urn:example:a'),
        extensions: [
          { field: 'longer', declared: false, required: false, schema: schema('urn:example:a:title') },
        ],
      },
    ]).resourceTypes;
    assert.ok(type);
    assert.deepEqual(parseAttributePath(type, 'urn:example:a:title'), path('', '', 'urn:example:a:title'));
    assert.deepEqual(
      parseAttributePath(type, 'urn:example:a:title:title'),
      path('title', '', 'urn:example:a:title'),
    );
    assert.deepEqual(parseAttributePath(type, 'title'), path('title'));
  });

  test('unknown ones are refused with advice, the same for paths and names', () => {
    for (const parse of [parseAttributePath, parseAttributeName]) {
      refuses('', 'path', 1, 'Write the name of an attribute here.', parse);
      refuses('shoeSize', 'path', 1, '"shoeSize" is not an attribute of User.', parse);
      refuses(
        'department',
        'path',
        1,
        `"department" is not an attribute of User; did you mean ${enterprise}:department?`,
        parse,
      );
      refuses('name.x', 'path', 6, /^"x" is not a sub-attribute of name: it has formatted, /, parse);
      refuses('userName.value', 'path', 10, /it has none\.$/, parse);
      refuses('name.givenName.x', 'path', 1, 'Names have at most two parts: attribute.subAttribute.', parse);
      refuses(
        'urn:example:2.0:Other:x',
        'path',
        1,
        /^This schema is not known\. Schemas of User: urn:/,
        parse,
      );
      refuses(`${enterprise}:`, 'path', enterprise.length + 2, /is not an attribute of urn:/, parse);
      refuses(core, 'path', 1, 'Add ":" and the name of an attribute to the schema URN.', parse);
    }
  });
});

describe('value filters', () => {
  test('select values, or a part of them', () => {
    const valueFilter = elementFilter('emails[type eq "work"]');
    assert.deepEqual(parseAttributePath(user, 'emails[type eq "work"]'), { ...path('emails'), valueFilter });
    assert.deepEqual(parseAttributePath(user, 'EMAILS[Type EQ "work"].VALUE'), {
      ...path('emails', 'value'),
      valueFilter,
    });
    assert.deepEqual(parseAttributePath(user, `${core}:emails[type eq "work"].value`), {
      ...path('emails', 'value'),
      valueFilter,
    });
  });

  test('may be as complex as any filter', () => {
    const text = 'emails[not (type eq "work" or primary eq true) and value ew "@example.com"]';
    assert.deepEqual(parseAttributePath(user, text).valueFilter, elementFilter(text));
    assert.equal(printAttributePath(parseAttributePath(user, text)), text);
  });

  test('brackets inside strings are text', () => {
    const text = 'emails[value eq "a].b[c"].display';
    assert.equal(printAttributePath(parseAttributePath(user, text)), text);
  });

  test('brackets that are not closed are wrong with the path (PAT-10)', () => {
    for (const text of [
      'emails[',
      'emails[type',
      'emails[type eq',
      'emails[type eq "work"',
      'emails[not (',
    ]) {
      refuses(text, 'path', 7, 'Close this "[" with "]", after a filter.');
    }
  });

  test('what is wrong between brackets is wrong with the filter', () => {
    refuses('emails[]', 'filter', 8, /^Write the name of an attribute/);
    refuses('emails[typ eq "work"]', 'filter', 8, /^"typ" is not a sub-attribute of emails: it has value, /);
    refuses('emails[type = "work"]', 'filter', 13, /^This is not an operator/);
    refuses('emails[type eq]', 'filter', 15, /^Write a value here/);
    refuses('emails[type eq work]', 'filter', 16, /^Write a value here/);
    refuses('emails[type eq "work]', 'filter', 16, /^This string has no end/);
    refuses('emails[primary eq "True"].value', 'filter', 19, /^Compare primary with true or false/);
    refuses('emails[value[type pr]]', 'filter', 13, /^Brackets cannot stand inside brackets/);
    refuses(`emails[${'('.repeat(1000)}`, 'filter', 39, /^Nest parentheses/);
  });

  test('the filter has the limits of any filter', () => {
    // Each level of parentheses is three levels of the tree.
    const nested = (levels: number): string =>
      levels === 0 ? 'type pr' : `not (type pr or type pr and ${nested(levels - 1)})`;
    parseAttributePath(user, `emails[${nested(10)}]`);
    refuses(`emails[${nested(11)}]`, 'filter', 7, /^Nest parentheses/);
    const terms = Array.from({ length: filterLimits.terms + 1 }, () => 'type pr').join(' or ');
    refuses(`emails[${terms}]`, 'filter', 1108, 'Use 100 comparisons or fewer.');
  });

  test('what is wrong around them is wrong with the path', () => {
    const misplaced = /^Brackets select among the values of a multi-valued complex attribute/;
    refuses('name[givenName pr]', 'path', 5, misplaced);
    refuses('userName[value pr]', 'path', 9, misplaced);
    refuses('emails.value[type pr]', 'path', 13, misplaced);
    refuses(`${enterprise}[department pr]`, 'path', enterprise.length + 1, misplaced);
    refuses('emails[type pr].nope', 'path', 17, /^"nope" is not a sub-attribute of emails/);
    refuses('emails[type pr].value.x', 'path', 17, /is not a sub-attribute/);
    refuses('emails[type pr]value', 'path', 16, 'End the path here.');
    refuses('emails[type pr][type pr]', 'path', 16, 'End the path here.');
    refuses('emails[type pr].value eq "x"', 'path', 23, 'End the path here.');
    refuses('userName eq "x"', 'path', 10, 'End the path here.');
    refuses('userName,title', 'path', 1, /is not an attribute/);
    refuses('x'.repeat(100_000), 'path', filterLimits.length + 1, 'Shorten it to 8192 characters or fewer.');
  });

  test('names have none', () => {
    refuses('emails[type pr]', 'path', 7, 'End the name here.', parseAttributeName);
    refuses('name familyName', 'path', 6, 'End the name here.', parseAttributeName);
  });
});

describe('properties', () => {
  for (const type of [user, group]) {
    test(`what is printed is read back to the same path: ${type.name}`, () => {
      const paths = type.schema.attributes
        .filter((attribute) => attribute.multiValued && attribute.type === 'complex')
        .map((attribute) =>
          fc
            .tuple(
              arbitraryElementFilter(attribute),
              fc.constantFrom('', ...attribute.subAttributes.map((sub) => sub.name)),
            )
            .map(([valueFilter, sub]) => ({ ...path(attribute.name, sub), valueFilter })),
        );
      fc.assert(
        fc.property(fc.oneof(...paths), (expected) => {
          const printed = printAttributePath(expected);
          fc.pre(printed.length <= filterLimits.length);
          assert.deepEqual(parseAttributePath(type, printed), expected);
        }),
        { numRuns: 500 },
      );
    });
  }

  test('nothing but ScimSyntaxError is thrown, whatever the text', () => {
    const piece = fc.constantFrom(
      ...'emails|name|[|]|.value|.|type|eq|pr|"x"|"| |:|(|)|\\'.split('|'),
      core,
      enterprise,
    );
    const garbage = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(piece, { maxLength: 15 }).map((pieces) => pieces.join('')),
    );
    fc.assert(
      fc.property(garbage, fc.constantFrom(parseAttributePath, parseAttributeName), (text, parse) => {
        try {
          const parsed = parse(user, text);
          assert.deepEqual(parseAttributePath(user, printAttributePath(parsed)), parsed);
        } catch (error) {
          assert.ok(error instanceof ScimSyntaxError, String(error));
        }
      }),
      { numRuns: 3000 },
    );
  });
});
