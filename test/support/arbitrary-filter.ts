import fc from 'fast-check';
import { NullValue } from '#proto/google/protobuf/struct.ts';
import {
  type AttributePath,
  ComparisonOperator,
  type Filter,
  type Literal,
} from '#proto/rollcall/scim/v1/filter.ts';
import type { AttributeDefinition } from '#scim/attribute.ts';
import type { ResourceType } from '#scim/schema-registry.ts';

const { EQ, NE, CO, SW, EW, GT, GE, LT, LE } = ComparisonOperator;
const operators: Readonly<Record<AttributeDefinition['type'], readonly ComparisonOperator[]>> = {
  string: [EQ, NE, CO, SW, EW, GT, GE, LT, LE],
  reference: [EQ, NE, CO, SW, EW, GT, GE, LT, LE],
  dateTime: [EQ, NE, GT, GE, LT, LE],
  integer: [EQ, NE, GT, GE, LT, LE],
  decimal: [EQ, NE, GT, GE, LT, LE],
  boolean: [EQ, NE],
  binary: [EQ, NE],
  complex: [],
};

/** Text with what is hard to print: quotes, backslashes, brackets, keywords, control characters, any Unicode. */
export const hardText: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({
    unit: fc.constantFrom('"', '\\', '\n', '\u0000', ' ', '(', ']', 'and', 'é', '𝒞', '\u2028', 'İ'),
  }),
);

/** Any filter that the parser can make for a resource type. */
export function arbitraryFilter(resourceType: ResourceType): fc.Arbitrary<Filter> {
  const tests: fc.Arbitrary<Filter>[] = [];
  const elements: fc.Arbitrary<Filter>[] = [];
  const schemas = [
    { extension: '', attributes: resourceType.schema.attributes },
    ...resourceType.extensions.map(({ schema }) => ({ extension: schema.id, attributes: schema.attributes })),
  ];
  for (const { extension, attributes } of schemas) {
    for (const attribute of attributes) {
      const path = { extension, attribute: attribute.name, subAttribute: '' };
      tests.push(arbitraryTest(path, attribute));
      for (const sub of attribute.subAttributes)
        tests.push(arbitraryTest({ ...path, subAttribute: sub.name }, sub));
      if (attribute.multiValued && attribute.type === 'complex') {
        elements.push(
          arbitraryElementFilter(attribute).map((filter) => ({
            node: { $case: 'valuePath', value: { path, filter } },
          })),
        );
      }
    }
  }
  const leaves = elements.length > 0 ? [fc.oneof(...tests), fc.oneof(...elements)] : [fc.oneof(...tests)];
  return arbitraryTree(fc.oneof(...leaves));
}

/** Any filter that can stand in the brackets after an attribute. */
export function arbitraryElementFilter(attribute: AttributeDefinition): fc.Arbitrary<Filter> {
  const tests = attribute.subAttributes.map((sub) =>
    arbitraryTest({ extension: '', attribute: sub.name, subAttribute: '' }, sub),
  );
  return arbitraryTree(fc.oneof(...tests));
}

function arbitraryTree(leaf: fc.Arbitrary<Filter>): fc.Arbitrary<Filter> {
  return fc.letrec<{ filter: Filter }>((tie) => ({
    filter: fc.oneof(
      { maxDepth: 4, depthSize: 'small', withCrossShrink: true },
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

function arbitraryTest(path: AttributePath, attribute: AttributeDefinition): fc.Arbitrary<Filter> {
  const present: Filter = { node: { $case: 'present', value: path } };
  if (attribute.type === 'complex') return fc.constant(present);
  const compare = (operator: ComparisonOperator, value: Literal['value']): Filter => ({
    node: { $case: 'comparison', value: { path, operator, literal: { value } } },
  });
  return fc.oneof(
    fc.constant(present),
    fc
      .tuple(fc.constantFrom(...operators[attribute.type]), arbitraryLiteral(attribute))
      .map(([operator, value]) => compare(operator, value)),
    fc
      .constantFrom(EQ, NE)
      .map((operator) => compare(operator, { $case: 'null', value: NullValue.NULL_VALUE })),
  );
}

function arbitraryLiteral({ type }: AttributeDefinition): fc.Arbitrary<NonNullable<Literal['value']>> {
  if (type === 'boolean') return fc.boolean().map((value) => ({ $case: 'boolean', value }));
  if (type === 'integer' || type === 'decimal') {
    const number =
      type === 'integer' ? fc.maxSafeInteger() : fc.double({ noNaN: true, noDefaultInfinity: true });
    // JSON cannot tell -0 from 0.
    return number.map((value) => ({ $case: 'number', value: value + 0 }));
  }
  const text =
    type === 'dateTime'
      ? fc
          .date({
            min: new Date('0000-01-01T00:00:00Z'),
            max: new Date('9999-12-31T23:59:59Z'),
            noInvalidDate: true,
          })
          .map((date) => date.toISOString())
      : hardText;
  return text.map((value) => ({ $case: 'text', value }));
}
