import type { AttributePath } from '#proto/rollcall/scim/v1/filter.ts';
import type { MemberChange, PatchOperation } from '#proto/rollcall/scim/v1/patch.ts';
import type { AttributeDefinition } from '#scim/attribute.ts';
import { parseAttributeName, parseAttributePath, printAttributePath } from '#scim/attribute-path.ts';
import { AttributeValueError, readAttributeValue } from '#scim/attribute-value.ts';
import { isJsonArray, isJsonObject, type JsonValue } from '#scim/json.ts';
import {
  findSubAttribute,
  type ResolvedPath,
  type ResourceType,
  resolvePath,
} from '#scim/schema-registry.ts';
import { ScimSyntaxError } from '#scim/scim-syntax-error.ts';
import type { ResourceExchange } from '../http/exchange.ts';
import { isMemberList, readMemberChange } from './member-list.ts';
import { type StepPart, withIdsForReferences } from './patch-references.ts';
import { type PatchStep, patchOps } from './patch-step.ts';
import { showSupplied } from './projection.ts';
import { readOptions } from './resource-from-json.ts';
import { ScimError, toScimError } from './scim-error.ts';
import { keptOperation } from './unknown-attributes.ts';

/**
 * Stage: turns the operations of a PATCH into those of the directory. One without a path becomes one for each attribute
 * in its value. Unknown attributes are left out unless the connection keeps them or is strict, or nothing else would be left.
 * Throws ScimError 400.
 */
export function resolvePatch(exchange: ResourceExchange): void {
  const operations: PatchOperation[] = [];
  const memberChanges: MemberChange[] = [];
  let unknown: ScimError | undefined;
  let known = 0;
  for (const step of exchange.steps) {
    for (const part of partsOf(exchange, step)) {
      const left = 'unknown' in part ? part : resolvePart(exchange, part, operations, memberChanges);
      if (left?.kept) operations.push(left.kept);
      if (left === undefined || left.kept) known += 1;
      if (left === undefined) continue;
      if (exchange.strict) throw left.unknown;
      unknown ??= left.unknown;
      exchange.ignored.add(left.name);
    }
  }
  // To answer "done" when nothing of it could be done would hide the mistake from the client.
  if (known === 0 && unknown !== undefined) throw unknown;
  exchange.changes = { operations, memberChanges };
  showSupplied(exchange, operations.flatMap(suppliedPaths));
}

/** The attributes that an operation writes; one on a whole extension writes those in its value. */
function suppliedPaths({ path, value }: PatchOperation): readonly AttributePath[] {
  if (path === undefined || path.attribute !== '') return path ? [path] : [];
  return Object.keys(value ?? {}).map((attribute) => ({ ...path, attribute }));
}

/** What the resource type does not have, and how it is refused where it cannot be left out. */
interface UnknownPart {
  readonly name: string;
  readonly unknown: ScimError;
  /** What is done with it where the connection keeps it. */
  readonly kept?: PatchOperation | undefined;
}

function partsOf(exchange: ResourceExchange, step: PatchStep): readonly (StepPart | UnknownPart)[] {
  const { resourceType } = exchange;
  if (step.path !== undefined) {
    const whole = step.path.replace(/\[.*/s, '').toLowerCase();
    const names = ['schemas', `${resourceType.schema.id}:schemas`.toLowerCase()];
    if (names.includes(whole)) return changeOfSchemas(resourceType, step);
    return [pathPart(exchange, step, step.path)];
  }
  if (!isJsonObject(step.value)) {
    throw new ScimError(
      400,
      `Operation ${step.index}: without "path" the value must be an object.`,
      'invalidValue',
    );
  }
  return Object.entries(step.value)
    .filter(([name]) => name.toLowerCase() !== 'schemas')
    .map(([name, value]) => attributePart(exchange, { ...step, value }, name));
}

/** `schemas` follows from the attributes a resource has, so that changing it does nothing by itself. */
function changeOfSchemas(resourceType: ResourceType, step: PatchStep): readonly StepPart[] {
  const { id } = resourceType.schema;
  const urns = isJsonArray(step.value) ? step.value : [step.value];
  const isKept = urns.some((urn) => typeof urn === 'string' && urn.toLowerCase() === id.toLowerCase());
  if (step.op === 'add' || (step.op === 'replace' && isKept)) return [];
  const detail = `Operation ${step.index}: "schemas" always has "${id}"; to leave an extension, remove its attributes.`;
  throw new ScimError(400, detail, 'mutability');
}

function attributePart(exchange: ResourceExchange, step: PatchStep, name: string): StepPart | UnknownPart {
  const { resourceType } = exchange;
  const attribute = resourceType.findAttribute(name);
  const extension = resourceType.findExtension(name);
  const path = { extension: extension?.schema.id ?? '', attribute: attribute?.name ?? '', subAttribute: '' };
  if (attribute || extension) return { step, path };
  const short = JSON.stringify(name.slice(0, 100));
  const isPath = /[.:[]/.test(name);
  const detail = isPath
    ? `Operation ${step.index}: ${short} is a path; send it as "path" of an operation of its own.`
    : `Operation ${step.index}: ${short} is not an attribute of ${resourceType.name}.`;
  const unknown = new ScimError(400, detail, isPath ? 'invalidPath' : 'invalidSyntax');
  return { name, unknown, kept: keptOperation(exchange, step, name) };
}

function pathPart(exchange: ResourceExchange, step: PatchStep, text: string): StepPart | UnknownPart {
  const { resourceType } = exchange;
  try {
    return { step, path: parseAttributePath(resourceType, text) };
  } catch (error) {
    const refusal = inOperation(step, error);
    if (isUnknownName(resourceType, text)) {
      const name = text.replace(/\[.*/s, '');
      return { name, unknown: refusal, kept: keptOperation(exchange, step, text) };
    }
    throw refusal;
  }
}

/** Whether a path is well formed but names an attribute that the resource type does not have. */
function isUnknownName(resourceType: ResourceType, text: string): boolean {
  const [, name] = /^([a-z$][\w$.:-]*)(\[.*\](\.[\w$-]+)?)?$/is.exec(text) ?? [];
  if (name === undefined) return false;
  try {
    parseAttributeName(resourceType, name);
    return false;
  } catch (error) {
    return error instanceof ScimSyntaxError;
  }
}

function resolvePart(
  exchange: ResourceExchange,
  part: StepPart,
  operations: PatchOperation[],
  memberChanges: MemberChange[],
): UnknownPart | undefined {
  try {
    return resolveKnown(exchange, part, operations, memberChanges);
  } catch (error) {
    throw inOperation(part.step, error);
  }
}

function resolveKnown(
  exchange: ResourceExchange,
  part: StepPart,
  operations: PatchOperation[],
  memberChanges: MemberChange[],
): UnknownPart | undefined {
  const { resourceType, strict } = exchange;
  const { step, path } = withIdsForReferences(exchange, part);
  const resolved = resolvePath(resourceType, path);
  if (resolved && isMemberList(resolved.attribute)) {
    const change = readMemberChange(resolved.attribute, step, path, { ...readOptions(exchange), strict });
    if (change) memberChanges.push(change);
    return undefined;
  }
  const operation = { op: patchOps[step.op], path, index: step.index };
  if (step.op === 'remove') {
    operations.push({ ...operation, value: undefined });
    return undefined;
  }
  const { value = null } = step;
  if (resolved === undefined) checkExtension(exchange, path.extension, value);
  else checkValue(exchange, resolved.attribute, resolved.subAttribute, path, value);
  // Without what is unknown it would be empty, and clear what is there.
  if (hasOnlyUnknown(value, (name) => isPart(resourceType, path.extension, resolved, name))) {
    const name = printAttributePath(path);
    const detail = `Operation ${step.index}: nothing in the value of ${name} is known; see /Schemas.`;
    return { name, unknown: new ScimError(400, detail, 'invalidSyntax') };
  }
  // Never stored, so never sent on.
  if (resolved?.attribute.returned !== 'never') operations.push({ ...operation, value });
  return undefined;
}

/** Whether a value has parts, and none of them is known. */
function hasOnlyUnknown(value: JsonValue, isKnown: (name: string) => boolean): boolean {
  const elements = isJsonArray(value) ? value : [value];
  const names = elements.flatMap((element) => (isJsonObject(element) ? Object.keys(element) : []));
  return names.length > 0 && !names.some(isKnown);
}

/** Whether a name is that of a part of an attribute or, without one, of an attribute of an extension. */
function isPart(
  resourceType: ResourceType,
  extension: string,
  resolved: ResolvedPath | undefined,
  name: string,
): boolean {
  if (resolved) return findSubAttribute(resolved.attribute, name) !== undefined;
  return name.toLowerCase() === 'schemas' || resourceType.findAttribute(name, extension) !== undefined;
}

function checkExtension(exchange: ResourceExchange, urn: string, value: JsonValue): void {
  if (value === null) return;
  if (!isJsonObject(value)) throw new AttributeValueError(urn, `The value of ${urn} must be an object.`);
  for (const [name, item] of Object.entries(value)) {
    // As in a resource, `schemas` follows from the attributes there are.
    if (name.toLowerCase() === 'schemas') continue;
    const attribute = exchange.resourceType.findAttribute(name, urn);
    if (attribute) {
      readAttributeValue(
        attribute,
        attribute.multiValued && !isJsonArray(item) ? [item] : item,
        readOptions(exchange),
      );
    } else if (exchange.strict) {
      throw new ScimError(
        400,
        `${JSON.stringify(name.slice(0, 100))} is not an attribute of ${urn}.`,
        'invalidSyntax',
      );
    } else {
      exchange.ignored.add(`${urn}:${name}`);
    }
  }
}

function checkValue(
  exchange: ResourceExchange,
  attribute: AttributeDefinition,
  subAttribute: AttributeDefinition | undefined,
  path: AttributePath,
  value: JsonValue,
): void {
  // What cannot be changed at all is refused by the directory, whatever the value.
  if ([attribute, subAttribute].some((part) => part?.mutability === 'readOnly')) return;
  const isElement = path.valueFilter !== undefined;
  const definition = subAttribute ?? (isElement ? { ...attribute, multiValued: false } : attribute);
  const isOneOfMany = definition.multiValued && value !== null && !isJsonArray(value);
  readAttributeValue(definition, isOneOfMany ? [value] : value, readOptions(exchange));
}

function inOperation(step: PatchStep, error: unknown): ScimError {
  const isForeseen =
    error instanceof ScimError || error instanceof ScimSyntaxError || error instanceof AttributeValueError;
  if (!isForeseen) throw error;
  const { status, message, scimType } = toScimError(error);
  return new ScimError(status, `Operation ${step.index}: ${message}`, scimType);
}
