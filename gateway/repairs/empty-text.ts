import type { ValueRepair } from './repair.ts';

/**
 * Clients clear an attribute with an empty text. In a required one it stays, for the error it deserves.
 *
 * broken: `{"op": "replace", "path": "title", "value": ""}`
 * right:  `{"op": "replace", "path": "title", "value": null}`
 */
export const emptyText: ValueRepair = (attribute, value) =>
  value === '' && !attribute.required ? null : value;
