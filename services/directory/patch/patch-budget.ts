import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import type { Filter } from '#proto/rollcall/scim/v1/filter.ts';
import { DirectoryError } from '../errors.ts';

/**
 * How many tests and comparisons of values the operations of one PATCH may take: about a second's work, during which nobody
 * else is served. A thousand operations on a list of five hundred values take it.
 */
export const maxValueVisits = 500_000;

/** Counts the work of one PATCH. */
export interface PatchBudget {
  /**
   * Takes the work of an operation on a list from what is left.
   * @param index the operation's place in the request.
   * @param values how many values are looked at: those there are, and those that are given.
   * @param filter what each of them is tested by.
   * @throws DirectoryError LIMIT_EXCEEDED when too little is left.
   */
  spend(index: number, values: number, filter: Filter | undefined): void;
}

/** Makes the budget of one PATCH. */
export function createPatchBudget(): PatchBudget {
  let left = maxValueVisits;
  return {
    spend(index, values, filter) {
      left -= values * (filter === undefined ? 1 : countTerms(filter));
      if (left >= 0) return;
      throw new DirectoryError(
        ErrorReason.LIMIT_EXCEEDED,
        `Operation ${index}: up to here this PATCH looks at list values more than ${maxValueVisits} times; send its operations in several requests.`,
        { limit: 'value visits', maximum: String(maxValueVisits), operation: String(index) },
      );
    },
  };
}

function countTerms({ node }: Filter): number {
  if (node?.$case === 'and' || node?.$case === 'or') {
    return node.value.filters.reduce((sum, filter) => sum + countTerms(filter), 0);
  }
  return node?.$case === 'not' ? countTerms(node.value) : 1;
}
