import type { ValueRepair } from './repair.ts';

/**
 * Entra ID and others send truth values as text. Any other text stays, for the error it deserves.
 *
 * broken: `{"active": "False"}`
 * right:  `{"active": false}`
 */
export const textBooleans: ValueRepair = (attribute, value) => {
  if (attribute.type !== 'boolean' || typeof value !== 'string') return value;
  const text = value.toLowerCase();
  return text === 'true' || text === 'false' ? text === 'true' : value;
};
