import type { Filter } from '#proto/rollcall/scim/v1/filter.ts';

/** A filter that every resource passes: each has an id. */
export const alwaysTrue: Filter = {
  node: { $case: 'present', value: { extension: '', attribute: 'id', subAttribute: '' } },
};

/** A filter that no resource passes. */
export const alwaysFalse: Filter = { node: { $case: 'not', value: alwaysTrue } };
