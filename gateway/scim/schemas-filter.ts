import { ComparisonOperator, type Filter } from '#proto/rollcall/scim/v1/filter.ts';
import { alwaysFalse, alwaysTrue } from '#scim/constant-filters.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import { ScimError } from './scim-error.ts';

type Term = Extract<NonNullable<Filter['node']>, { $case: 'present' | 'comparison' }>;

/**
 * Turns a test of `schemas` into one of attributes: a resource has the schema of its type always, and that of an extension
 * while one of the extension's attributes has a value. URNs are compared ignoring case (RFC 7644, section 3.10).
 * @throws ScimError 400 `invalidFilter` for an ordering operator
 */
export function schemasFilter(resourceType: ResourceType, term: Term): Filter {
  const isSelected = urnTest(term);
  if (isSelected(resourceType.schema.id)) return alwaysTrue;
  const filters = resourceType.extensions
    .filter(({ schema }) => isSelected(schema.id))
    .flatMap(({ schema }) =>
      schema.attributes
        .filter(({ derived, returned }) => !derived && returned !== 'never')
        .map(({ name }): Filter => {
          const path = { extension: schema.id, attribute: name, subAttribute: '' };
          return { node: { $case: 'present', value: path } };
        }),
    );
  return filters.length === 0 ? alwaysFalse : { node: { $case: 'or', value: { filters } } };
}

/** Which URNs make the term true; one in `schemas` is enough. */
function urnTest(term: Term): (urn: string) => boolean {
  if (term.$case === 'present') return () => true;
  const { operator, literal } = term.value;
  if (literal?.value?.$case !== 'text') return () => operator === ComparisonOperator.NE;
  const wanted = literal.value.value.toLowerCase();
  const tests: Partial<Record<ComparisonOperator, (urn: string) => boolean>> = {
    [ComparisonOperator.EQ]: (urn) => urn === wanted,
    [ComparisonOperator.NE]: (urn) => urn !== wanted,
    [ComparisonOperator.CO]: (urn) => urn.includes(wanted),
    [ComparisonOperator.SW]: (urn) => urn.startsWith(wanted),
    [ComparisonOperator.EW]: (urn) => urn.endsWith(wanted),
  };
  const test = tests[operator];
  if (test) return (urn) => test(urn.toLowerCase());
  throw new ScimError(400, 'schemas can be compared with eq, ne, co, sw, ew and pr only.', 'invalidFilter');
}
