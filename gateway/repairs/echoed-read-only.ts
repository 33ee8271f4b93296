import { isJsonObject } from '#scim/json.ts';
import { flatMapSame } from './keep-same.ts';
import type { StepsRepair } from './repair.ts';

/**
 * Okta and authentik send the resource's own id along; others send back `meta` as they read it. An id that differs
 * stays, for the error it deserves.
 *
 * broken: `{"op": "replace", "value": {"id": "0192", "displayName": "Staff"}}`
 * right:  `{"op": "replace", "value": {"displayName": "Staff"}}`
 */
export const echoedReadOnly: StepsRepair = (steps, { id }) =>
  flatMapSame(steps, (step) => {
    if (step.path !== undefined) return step.path.toLowerCase() === 'id' && step.value === id ? [] : [step];
    if (!isJsonObject(step.value)) return [step];
    const entries = Object.entries(step.value);
    const kept = entries.filter(([key, value]) => {
      const name = key.toLowerCase();
      return !(name === 'id' && value === id) && name !== 'meta';
    });
    return kept.length === entries.length ? [step] : [{ ...step, value: Object.fromEntries(kept) }];
  });
