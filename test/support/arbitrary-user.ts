import fc from 'fast-check';
import { ComparisonOperator, type Filter, type Literal } from '#proto/rollcall/scim/v1/filter.ts';
import type { JsonObject } from '#scim/json.ts';

const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

/** Few values, so that random filters meet them, and each one hard for somebody: patterns, quotes, Unicode, order. */
const words = [
  '',
  'a',
  'A',
  'ab',
  'aB',
  'b',
  'É',
  'e\u0301',
  'ΟΔΟΣ',
  'οδος',
  'οδοσα',
  'Ａ',
  '.*',
  '(',
  '[a',
  'a$',
  '$a',
  '\\',
  '"',
  'a\nb',
  'b\n',
  '\u0000',
  '\ue000',
  '𝒞',
  '\u{10ffff}',
  '\ud7ff',
  'a b',
  '%',
  '{"$gt":""}',
];
const word = fc.constantFrom(...words);
const text = fc.oneof(
  word,
  fc.tuple(word, word).map(([a, b]) => a + b),
);
const flag = fc.boolean();
const label = fc.constantFrom('work', 'Work', 'home');

function some<T extends object>(model: { [K in keyof T]: fc.Arbitrary<T[K]> }) {
  return fc.record(model, { requiredKeys: [], noNullPrototype: true });
}

function filled<T extends object>(value: fc.Arbitrary<T>): fc.Arbitrary<T> {
  return value.filter((item) => Object.keys(item).length > 0);
}

/** A value of an attribute such as `emails`, as it is stored. */
export const arbitraryValue: fc.Arbitrary<JsonObject> = filled(
  some({ value: text, type: label, display: text, primary: flag }),
);
const list = <T extends object>(value: fc.Arbitrary<T>) => fc.array(value, { minLength: 1, maxLength: 3 });

/** A user as it is stored, with a `userName` that others may have too. */
export const arbitraryUser: fc.Arbitrary<JsonObject> = fc
  .tuple(
    some({
      externalId: text,
      displayName: text,
      title: text,
      profileUrl: text,
      active: flag,
      name: filled(some({ givenName: text, familyName: text })),
      emails: list(arbitraryValue),
      phoneNumbers: list(arbitraryValue),
      photos: list(arbitraryValue),
      x509Certificates: list(filled(some({ value: text, primary: flag }))),
      enterprise: filled(
        some({ department: text, employeeNumber: text, manager: fc.record({ value: text }) }),
      ),
    }),
    text,
  )
  .map(([rest, userName]) => ({ ...rest, userName }));

const { EQ, NE, CO, SW, EW, GT, GE, LT, LE } = ComparisonOperator;
const allOperators = [EQ, NE, CO, SW, EW, GT, GE, LT, LE];
const textLiteral = text.map((value): Literal['value'] => ({ $case: 'text', value }));
const timeLiteral = fc
  .constantFrom('2026-01-02T00:00:00Z', '2026-01-02T01:00:00.001+01:00', '2026-01-04T00:00:00.002Z')
  .map((value): Literal['value'] => ({ $case: 'text', value }));

function comparison(
  path: { extension?: string; attribute: string; subAttribute?: string },
  operators: readonly ComparisonOperator[],
  literal: fc.Arbitrary<Literal['value']>,
): fc.Arbitrary<Filter> {
  const full = { extension: '', subAttribute: '', ...path };
  const compare = (operator: ComparisonOperator, value: Literal['value']): Filter => ({
    node: { $case: 'comparison', value: { path: full, operator, literal: { value } } },
  });
  return fc.oneof(
    {
      weight: 6,
      arbitrary: fc
        .tuple(fc.constantFrom(...operators), literal)
        .map(([operator, value]) => compare(operator, value)),
    },
    { weight: 1, arbitrary: fc.constant<Filter>({ node: { $case: 'present', value: full } }) },
    {
      weight: 1,
      arbitrary: fc
        .constantFrom(EQ, NE)
        .map((operator) => compare(operator, { $case: 'null', value: 'NULL_VALUE' })),
    },
  );
}

const flagLiteral = flag.map((value): Literal['value'] => ({ $case: 'boolean', value }));
const labelLiteral = label.map((value): Literal['value'] => ({ $case: 'text', value }));

function tree(leaf: fc.Arbitrary<Filter>): fc.Arbitrary<Filter> {
  return fc.letrec<{ filter: Filter }>((tie) => ({
    filter: fc.oneof(
      { maxDepth: 3, depthSize: 'small', withCrossShrink: true },
      leaf,
      tie('filter').map((value): Filter => ({ node: { $case: 'not', value } })),
      fc
        .tuple(
          fc.constantFrom<'and' | 'or'>('and', 'or'),
          fc.array(tie('filter'), { minLength: 2, maxLength: 3 }),
        )
        .map(([$case, filters]): Filter => ({ node: { $case, value: { filters } } })),
    ),
  })).filter;
}

/** Tests of the parts of one value, as they stand in brackets (attribute '') or after a dot. */
function partTests(attribute: string): fc.Arbitrary<Filter> {
  const at = (name: string) => (attribute === '' ? { attribute: name } : { attribute, subAttribute: name });
  return fc.oneof(
    comparison(at('value'), allOperators, textLiteral),
    comparison(at('display'), allOperators, textLiteral),
    comparison(at('type'), [EQ, NE, SW], labelLiteral),
    comparison(at('primary'), [EQ, NE], flagLiteral),
  );
}

/** A filter as it stands in the brackets after an attribute such as `emails`. */
export const arbitraryValueFilter: fc.Arbitrary<Filter> = tree(partTests(''));

const lists = ['emails', 'phoneNumbers', 'photos'];
const valuePath = fc.tuple(fc.constantFrom(...lists), arbitraryValueFilter).map(
  ([attribute, filter]): Filter => ({
    node: { $case: 'valuePath', value: { path: { extension: '', attribute, subAttribute: '' }, filter } },
  }),
);

/**
 * A filter on users, over core, common and enterprise attributes and memberships, whose literals are the words that the users
 * are made of.
 * @param ids ids of users. @param groupIds ids of groups.
 */
export function arbitraryUserFilter(
  ids: readonly string[],
  groupIds: readonly string[],
): fc.Arbitrary<Filter> {
  const idLiteral = fc
    .oneof(
      fc.constantFrom(...ids),
      fc.constantFrom(...ids).map((id) => id.slice(0, 12)),
      fc.constantFrom(...ids).map((id) => id.slice(-2)),
      word,
      fc.constantFrom('/', 'connection/'),
    )
    .map((value): Literal['value'] => ({ $case: 'text', value }));
  const groupLiteral = fc
    .constantFrom(...groupIds, 'none')
    .map((value): Literal['value'] => ({ $case: 'text', value }));
  const plain = ['userName', 'externalId', 'displayName', 'title', 'profileUrl', 'nickName'].map(
    (attribute) => comparison({ attribute }, allOperators, textLiteral),
  );
  const inEnterprise = ['department', 'employeeNumber'].map((attribute) =>
    comparison({ extension: enterprise, attribute }, allOperators, textLiteral),
  );
  const groupTests = (at: (name: string) => { attribute: string; subAttribute?: string }) =>
    fc.oneof(
      comparison(at('value'), [EQ, NE, SW, GT], groupLiteral),
      comparison(
        at('type'),
        [EQ, NE],
        fc.constantFrom('direct', 'indirect').map((value): Literal['value'] => ({ $case: 'text', value })),
      ),
    );
  return tree(
    fc.oneof(
      ...plain,
      ...inEnterprise,
      comparison({ extension: enterprise, attribute: 'manager' }, [EQ, NE, SW], textLiteral),
      comparison(
        { extension: enterprise, attribute: 'manager', subAttribute: 'value' },
        allOperators,
        textLiteral,
      ),
      comparison({ attribute: 'name', subAttribute: 'givenName' }, allOperators, textLiteral),
      fc.constantFrom('name', 'emails', 'meta', 'groups').map(
        (attribute): Filter => ({
          node: { $case: 'present', value: { extension: '', attribute, subAttribute: '' } },
        }),
      ),
      comparison({ attribute: 'active' }, [EQ, NE], flagLiteral),
      comparison({ attribute: 'id' }, allOperators, idLiteral),
      comparison({ attribute: 'meta', subAttribute: 'created' }, [EQ, NE, GT, GE, LT, LE], timeLiteral),
      comparison({ attribute: 'meta', subAttribute: 'lastModified' }, [EQ, NE, GT, GE, LT, LE], timeLiteral),
      comparison(
        { attribute: 'meta', subAttribute: 'version' },
        [EQ, NE],
        fc.constantFrom('1', '2', '02', 'x').map((value): Literal['value'] => ({ $case: 'text', value })),
      ),
      comparison(
        { attribute: 'meta', subAttribute: 'resourceType' },
        allOperators,
        fc.constantFrom('User', 'user', 'Group').map((value): Literal['value'] => ({ $case: 'text', value })),
      ),
      comparison({ attribute: 'emails' }, allOperators, textLiteral),
      comparison({ attribute: 'x509Certificates', subAttribute: 'value' }, [EQ, NE], textLiteral),
      ...lists.map(partTests),
      { weight: 5, arbitrary: valuePath },
      groupTests((subAttribute) => ({ attribute: 'groups', subAttribute })),
      tree(groupTests((attribute) => ({ attribute }))).map(
        (filter): Filter => ({
          node: {
            $case: 'valuePath',
            value: { path: { extension: '', attribute: 'groups', subAttribute: '' }, filter },
          },
        }),
      ),
    ),
  );
}
