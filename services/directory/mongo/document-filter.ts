import type { AttributeDefinition } from '#scim/attribute.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import { filterError } from '../filter/filter-error.ts';
import { type ComparisonTerm, type FilterTerm, matchesTerm } from '../filter/filter-term.ts';
import { isResourceId, resourceKey } from './documents.ts';
import { fieldCondition, literalPattern } from './field-condition.ts';
import { everything, inIndex, nothing, type QueryNode } from './query-plan.ts';

/** A term on `id` or on a part of `meta`, which are fields of the document itself and never absent. */
export function compileDocumentTerm(
  scope: { readonly resourceType: ResourceType; readonly connection: string },
  attribute: AttributeDefinition,
  name: string,
  term: FilterTerm,
): QueryNode {
  if (term.test === 'present') return everything;
  if (term.test === 'absent') return nothing;
  switch (attribute.name) {
    case 'id':
      return compileId(scope.connection, term);
    case 'created':
    case 'lastModified':
      return { predicate: { [attribute.name]: fieldCondition(term, false) } };
    case 'resourceType':
      return matchesTerm(term, scope.resourceType.name) ? everything : nothing;
    case 'version':
      return compileVersion(name, term);
    default:
      throw filterError(name, `${name} is not stored and cannot be filtered.`);
  }
}

/** An id is what follows the connection in `_id`, so that comparing whole keys compares ids. */
function compileId(connection: string, term: ComparisonTerm): QueryNode {
  const operand = String(term.operand);
  if (term.test === 'eq') {
    return isResourceId(operand) ? inIndex({ _id: { $in: [resourceKey(connection, operand)] } }) : nothing;
  }
  const start = `${connection}/`;
  if (term.test === 'co' || term.test === 'ew') {
    const { $regex } = fieldCondition(term, true);
    return { predicate: { _id: { $regex: `^${literalPattern(start)}.*${$regex}` } } };
  }
  return { predicate: { _id: fieldCondition({ ...term, operand: `${start}${operand}` }, true) } };
}

function compileVersion(name: string, term: ComparisonTerm): QueryNode {
  if (term.test !== 'eq' && term.test !== 'ne') {
    throw filterError(name, `${name} can be compared with eq, ne and pr only.`);
  }
  // A version that no resource can have is unequal to all.
  const version = /^[1-9]\d{0,14}$/.test(String(term.operand)) ? Number(term.operand) : 0;
  return { predicate: { version: fieldCondition({ ...term, operand: version }, false) } };
}
