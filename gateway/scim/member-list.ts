import { type AttributePath, ComparisonOperator, type Filter } from '#proto/rollcall/scim/v1/filter.ts';
import type { MemberChange } from '#proto/rollcall/scim/v1/patch.ts';
import type { AttributeDefinition } from '#scim/attribute.ts';
import { AttributeValueError, type ReadValueOptions, readAttributeValue } from '#scim/attribute-value.ts';
import { isJsonArray, isJsonObject, type JsonValue } from '#scim/json.ts';
import type { PatchStep } from './patch-step.ts';
import { ScimError } from './scim-error.ts';

/** Whether an attribute is a group's member list, which travels beside the group and never in it. */
export function isMemberList(attribute: AttributeDefinition): boolean {
  return attribute.name === 'members' && attribute.multiValued && attribute.derived;
}

/** The ids in a member list as clients send it. @throws AttributeValueError */
export function readMemberIds(
  attribute: AttributeDefinition,
  value: JsonValue,
  options: ReadValueOptions,
): readonly string[] {
  const members = readAttributeValue(attribute, value, options) ?? [];
  const ids = (isJsonArray(members) ? members : []).map((member) => isJsonObject(member) && member.value);
  const isComplete = !isJsonArray(value) || value.length === ids.length;
  if (isComplete && ids.every((id) => typeof id === 'string' && id !== '')) return ids as readonly string[];
  throw new AttributeValueError('members.value', 'Each member needs its id as "value".');
}

/**
 * What one operation on a member list does; undefined when it does nothing.
 * @throws ScimError 400 @throws AttributeValueError
 */
export function readMemberChange(
  attribute: AttributeDefinition,
  step: PatchStep,
  path: AttributePath,
  options: ReadValueOptions & { readonly strict: boolean },
): MemberChange | undefined {
  if (path.subAttribute !== '' || (path.valueFilter !== undefined && step.op !== 'remove')) {
    const detail =
      'A member can be added or removed, not edited: use the path "members", or remove members[value eq "…"].';
    throw new ScimError(400, detail, 'mutability');
  }
  const change = changeOf(attribute, step, path, options);
  return change && { change, index: step.index };
}

function changeOf(
  attribute: AttributeDefinition,
  step: PatchStep,
  { valueFilter }: AttributePath,
  options: ReadValueOptions & { readonly strict: boolean },
): MemberChange['change'] {
  const ids = () => {
    const { value = null } = step;
    return [...readMemberIds(attribute, isJsonObject(value) ? [value] : value, options)];
  };
  if (step.op === 'replace') return { $case: 'replace', value: { ids: ids() } };
  if (step.op === 'add') return oneOrMore('add', ids());
  if (valueFilter !== undefined) {
    const named = namedIds(valueFilter);
    return named ? { $case: 'remove', value: { ids: named } } : { $case: 'removeWhere', value: valueFilter };
  }
  if (step.value === undefined) return { $case: 'replace', value: { ids: [] } };
  if (options.strict || step.value === null) {
    const detail =
      'Name the members to remove in the path, as members[value eq "…"], or leave out "value" to remove all.';
    throw new ScimError(400, detail, 'invalidValue');
  }
  // An empty list names nobody; taking it for "all" would empty the group by accident.
  return oneOrMore('remove', ids());
}

function oneOrMore($case: 'add' | 'remove', ids: string[]): MemberChange['change'] {
  return ids.length === 0 ? undefined : { $case, value: { ids } };
}

/** The ids of `value eq "a" or value eq "b"`; undefined for any other filter. */
function namedIds({ node }: Filter): string[] | undefined {
  if (node?.$case === 'or') {
    const parts = node.value.filters.map(namedIds);
    return parts.every((part) => part !== undefined) ? parts.flat() : undefined;
  }
  if (node?.$case !== 'comparison') return undefined;
  const { path, operator, literal } = node.value;
  const isId = path?.attribute === 'value' && operator === ComparisonOperator.EQ;
  return isId && literal?.value?.$case === 'text' ? [literal.value.value] : undefined;
}
