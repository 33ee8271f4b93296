import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import type { Filter } from '#proto/rollcall/scim/v1/filter.ts';
import { filterLimits } from '#scim/filter-limits.ts';
import { DirectoryError } from '../errors.ts';

/** A refusal of a filter. @param attribute the path of the attribute concerned; empty when it is the filter as a whole. */
export function filterError(attribute: string, message: string): DirectoryError {
  return new DirectoryError(ErrorReason.FILTER_INVALID, message, { attribute });
}

/** Refuses a filter that is too large or too deep, before anything else walks it. @throws DirectoryError FILTER_INVALID */
export function checkFilterSize(filter: Filter): void {
  let terms = 0;
  const walk = (node: Filter, depth: number): void => {
    if (depth > filterLimits.depth)
      throw filterError('', `The filter is more than ${filterLimits.depth} levels deep.`);
    for (const child of childrenOf(node)) walk(child, depth + 1);
    const isTerm = node.node?.$case === 'comparison' || node.node?.$case === 'present';
    if (isTerm && ++terms > filterLimits.terms) {
      throw filterError('', `The filter has more than ${filterLimits.terms} terms.`);
    }
  };
  walk(filter, 1);
}

function childrenOf({ node }: Filter): readonly Filter[] {
  switch (node?.$case) {
    case 'and':
    case 'or':
      return node.value.filters;
    case 'not':
      return [node.value];
    case 'valuePath':
      return node.value.filter === undefined ? [] : [node.value.filter];
    default:
      return [];
  }
}
