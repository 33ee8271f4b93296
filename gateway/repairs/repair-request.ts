import { parseAttributePath } from '#scim/attribute-path.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '#scim/json.ts';
import { resolvePath } from '#scim/schema-registry.ts';
import { ScimSyntaxError } from '#scim/scim-syntax-error.ts';
import type { Exchange, ListExchange, ResourceExchange } from '../http/exchange.ts';
import { type PatchStep, readPatchSteps } from '../scim/patch-step.ts';
import { bareExtensionAttributes, bareExtensionNames } from './bare-extension-attributes.ts';
import { bareExtensionKeys } from './bare-extension-keys.ts';
import { echoedReadOnly } from './echoed-read-only.ts';
import { mapEntriesSame, mapSame } from './keep-same.ts';
import { legacyUrns, legacyUrnsInText } from './legacy-urns.ts';
import { missingPatchSchemas, missingSchemas } from './missing-schemas.ts';
import { quotedBooleans } from './quoted-booleans.ts';
import { removalByValue } from './removal-by-value.ts';
import type { BodyRepair, RepairContext, StepsRepair, TextRepair } from './repair.ts';
import { repairAttributes, repairValue } from './repair-value.ts';
import { unfoldedKeys } from './unfolded-keys.ts';
import { unknownSchemas } from './unknown-schemas.ts';

// In the order in which they are made: a later one relies on what an earlier one put right. Each is reported under the name
// of its rule in `leniencyRules`.
const bodyRepairs: Readonly<Record<string, BodyRepair>> = {
  missingSchemas,
  legacyUrns,
  unknownSchemas,
  bareExtensionAttributes,
};
const patchBodyRepairs: Readonly<Record<string, BodyRepair>> = { missingSchemas: missingPatchSchemas };
const stepsRepairs: Readonly<Record<string, StepsRepair>> = {
  echoedReadOnly,
  bareExtensionAttributes: bareExtensionKeys,
  unfoldedKeys,
};
const textRepairs: Readonly<Record<string, TextRepair>> = {
  legacyUrns: legacyUrnsInText,
  bareExtensionAttributes: bareExtensionNames,
  textBooleans: quotedBooleans,
};
/** These look at paths and values, which other repairs have put right. */
const lateStepsRepairs: Readonly<Record<string, StepsRepair>> = { removalByValue };

/** Stage: repairs the filter of a list. In strict mode nothing is repaired, here and below. */
export function repairFilter(exchange: ListExchange): void {
  if (exchange.strict) return;
  exchange.queries = exchange.queries.map((query) => {
    const { filterText, resourceType } = query;
    if (filterText === undefined) return query;
    const context = { resourceType, id: '' };
    return { ...query, filterText: makeRepairs(exchange, textRepairs, filterText, context) };
  });
}

/** Stage: repairs the body of a POST or PUT. */
export function repairResource(exchange: ResourceExchange): void {
  if (exchange.strict) return;
  const body = makeRepairs(exchange, bodyRepairs, exchange.body, exchange);
  exchange.body = repairResourceValues(exchange, body);
}

/** Stage: reads the operations of a PATCH, and repairs them. Throws ScimError 400 `invalidSyntax`. */
export function repairPatch(exchange: ResourceExchange): void {
  if (exchange.strict) {
    exchange.steps = readPatchSteps(exchange.body);
    return;
  }
  const steps = readPatchSteps(makeRepairs(exchange, patchBodyRepairs, exchange.body, exchange));
  const split = makeRepairs(exchange, stepsRepairs, steps, exchange);
  const named = mapSame(split, (step) => repairPath(exchange, step));
  const valued = mapSame(named, (step) => repairStep(exchange, step));
  exchange.steps = makeRepairs(exchange, lateStepsRepairs, valued, exchange);
}

function makeRepairs<Of>(
  exchange: Exchange,
  repairs: Readonly<Record<string, (value: Of, context: RepairContext) => Of>>,
  value: Of,
  context: RepairContext,
): Of {
  let repaired = value;
  for (const [name, repair] of Object.entries(repairs)) {
    const next = repair(repaired, context);
    if (next !== repaired) exchange.repairs.add(name);
    repaired = next;
  }
  return repaired;
}

function repairPath(exchange: ResourceExchange, step: PatchStep): PatchStep {
  if (step.path === undefined) return step;
  const path = makeRepairs(exchange, textRepairs, step.path, exchange);
  return path === step.path ? step : { ...step, path };
}

function repairStep(exchange: ResourceExchange, step: PatchStep): PatchStep {
  if (step.value === undefined) return step;
  const value = repairStepValue(exchange, step, step.value);
  return value === step.value ? step : { ...step, value };
}

function repairStepValue(exchange: ResourceExchange, step: PatchStep, value: JsonValue): JsonValue {
  const { resourceType } = exchange;
  const report = (name: string) => exchange.repairs.add(name);
  if (step.path === undefined) return isJsonObject(value) ? repairResourceValues(exchange, value) : value;
  try {
    const path = parseAttributePath(resourceType, step.path);
    const resolved = resolvePath(resourceType, path);
    if (resolved === undefined) {
      return isJsonObject(value)
        ? repairAttributes(value, (name) => resourceType.findAttribute(name, path.extension), report)
        : value;
    }
    const { attribute, subAttribute } = resolved;
    const isElement = path.valueFilter !== undefined && subAttribute === undefined;
    return repairValue(
      isElement ? { ...attribute, multiValued: false } : (subAttribute ?? attribute),
      value,
      report,
    );
  } catch (error) {
    // A path that cannot be read is refused where paths are resolved.
    if (error instanceof ScimSyntaxError) return value;
    throw error;
  }
}

/** Repairs the values of a resource: its attributes, and those of its extensions. */
function repairResourceValues(exchange: ResourceExchange, object: JsonObject): JsonObject {
  const { resourceType } = exchange;
  const report = (name: string) => exchange.repairs.add(name);
  const core = repairAttributes(object, (name) => resourceType.findAttribute(name), report);
  return mapEntriesSame(core, (key, value) => {
    const extension = resourceType.findExtension(key);
    if (extension === undefined || !isJsonObject(value)) return [key, value];
    const find = (name: string) => resourceType.findAttribute(name, extension.schema.id);
    return [key, repairAttributes(value, find, report)];
  });
}
