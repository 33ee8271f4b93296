import { isJsonObject } from '#scim/json.ts';
import { flatMapSame } from './keep-same.ts';
import type { StepsRepair } from './repair.ts';

/**
 * Entra ID (with its flag aadOptscim062020) puts paths where the names of attributes belong.
 *
 * broken: `{"op": "replace", "value": {"name.givenName": "Ada", "emails[type eq \"work\"].value": "ada@example.com"}}`
 * right:  `{"op": "replace", "path": "name.givenName", "value": "Ada"},
 *          {"op": "replace", "path": "emails[type eq \"work\"].value", "value": "ada@example.com"}`
 */
export const unfoldedKeys: StepsRepair = (steps, { resourceType }) =>
  flatMapSame(steps, (step) => {
    if (step.path !== undefined || !isJsonObject(step.value)) return [step];
    const isPath = ([key]: readonly [string, unknown]) =>
      /[.:[]/.test(key) && resourceType.findExtension(key) === undefined;
    const entries = Object.entries(step.value);
    const plain = entries.filter((entry) => !isPath(entry));
    if (plain.length === entries.length) return [step];
    return [
      ...(plain.length === 0 ? [] : [{ ...step, value: Object.fromEntries(plain) }]),
      ...entries.filter(isPath).map(([path, value]) => ({ ...step, path, value })),
    ];
  });
