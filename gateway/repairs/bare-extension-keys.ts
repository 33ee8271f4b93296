import { isJsonObject } from '#scim/json.ts';
import { qualifyBareName } from './bare-extension-attributes.ts';
import { mapEntriesSame, mapSame } from './keep-same.ts';
import type { StepsRepair } from './repair.ts';

/**
 * Attributes of the enterprise extension beside the core ones, in a PATCH without a path. The names become paths, which
 * `unfoldedKeys` makes operations of.
 *
 * broken: `{"op": "replace", "value": {"department": "R"}}`
 * right:  `{"op": "replace", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", "value": "R"}`
 */
export const bareExtensionKeys: StepsRepair = (steps, { resourceType }) =>
  mapSame(steps, (step) => {
    if (step.path !== undefined || !isJsonObject(step.value)) return step;
    const value = mapEntriesSame(step.value, (key, item) => [qualifyBareName(resourceType, key), item]);
    return value === step.value ? step : { ...step, value };
  });
