import type { Filter } from '#proto/rollcall/scim/v1/filter.ts';
import { ScimSyntaxError } from './scim-syntax-error.ts';

/** The largest filter that is accepted. */
export const filterLimits = {
  /** Characters of the text of a filter or path. */
  length: 8192,
  /** Levels of the tree, and of brackets and parentheses in the text. */
  depth: 32,
  /** Comparisons and `pr` tests in the whole filter. */
  terms: 100,
} as const;

/** Refuses a filter that is too deep. @throws ScimSyntaxError at `position` */
export function checkDepth(filter: Filter, position: number): void {
  if (depthOf(filter) > filterLimits.depth) throw tooDeep(position);
}

/** The refusal of what is nested too deep. */
export function tooDeep(position: number): ScimSyntaxError {
  return new ScimSyntaxError(
    'filter',
    position,
    `Nest parentheses, "not" and brackets at most ${filterLimits.depth} deep.`,
  );
}

function depthOf({ node }: Filter): number {
  if (node?.$case === 'and' || node?.$case === 'or') return 1 + Math.max(...node.value.filters.map(depthOf));
  if (node?.$case === 'not') return 1 + depthOf(node.value);
  if (node?.$case === 'valuePath' && node.value.filter) return 1 + depthOf(node.value.filter);
  return 1;
}
