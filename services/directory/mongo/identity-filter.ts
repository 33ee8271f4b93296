import type { Document } from 'mongodb';
import { ComparisonOperator, Filter, type Literal } from '#proto/rollcall/scim/v1/filter.ts';
import type { MappedPath } from '../attribute-mapping.ts';
import { foldText } from '../filter/fold-value.ts';
import { compileFilter, type FilterScope } from './filter-to-query.ts';
import { allOf, nothing, type QueryNode } from './query-plan.ts';
import { valueExpression } from './value-expression.ts';

/**
 * Selects the resources whose value at a mapped path is a text: those that have it there at all, by an index where the
 * attribute has one, and of several values as the one that counts (see `mappedText`).
 */
export async function identityFilter(
  scope: FilterScope,
  mapped: MappedPath | undefined,
  text: string,
): Promise<QueryNode> {
  const operand = mapped && readOperand(mapped, text);
  if (mapped === undefined || operand === undefined) return nothing;
  const { valueFilter: _, ...path } = mapped.path;
  const value: Literal['value'] =
    typeof operand === 'number' ? { $case: 'number', value: operand } : { $case: 'text', value: operand };
  const filter = Filter.fromPartial({
    node: { $case: 'comparison', value: { path, operator: ComparisonOperator.EQ, literal: { value } } },
  });
  const having = await compileFilter({ ...scope, filter });
  if (!mapped.attribute.multiValued) return having;
  const predicate = { $expr: { $eq: [countedValue(mapped), { $literal: operand }] } };
  return allOf([having, { predicate }]);
}

/** The operand as stored values are folded; undefined when no value can be it. */
function readOperand({ leaf }: MappedPath, text: string): string | number | undefined {
  if (leaf.type !== 'integer') return foldText(leaf, text);
  const number = Number(text);
  return String(number) === text ? number : undefined;
}

/** The folded value that counts among several, in an aggregation. */
function countedValue({ attribute, leaf, keys, path: { valueFilter } }: MappedPath): Document {
  const values = { $ifNull: [`$fold.${keys.join('.')}`, []] };
  if (leaf === attribute) {
    const named = { $filter: { input: values, as: 'value', cond: { $ne: ['$$value', ''] } } };
    return { $arrayElemAt: [named, 0] };
  }
  const present = Filter.fromPartial({ node: { $case: 'present', value: { attribute: leaf.name } } });
  const both = Filter.fromPartial({
    node: { $case: 'and', value: { filters: [present, ...(valueFilter ? [valueFilter] : [])] } },
  });
  const select = (input: Document | string, cond: Document) => ({ $filter: { input, as: 'value', cond } });
  return {
    $let: {
      vars: { named: select(values, valueExpression(attribute, both)) },
      in: {
        $let: {
          vars: { primary: select('$$named', { $eq: ['$$value.primary', true] }) },
          in: {
            $let: {
              vars: { counted: { $arrayElemAt: [{ $concatArrays: ['$$primary', '$$named'] }, 0] } },
              in: `$$counted.${leaf.field}`,
            },
          },
        },
      },
    },
  };
}
