import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { OnNoTarget } from '#proto/rollcall/directory/v1/on_no_target.ts';
import { PatchOp, type PatchOperation } from '#proto/rollcall/scim/v1/patch.ts';
import {
  isJsonArray,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  jsonEqual,
  toJsonValue,
} from '#scim/json.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import { DirectoryError } from '../errors.ts';
import { valueAt, withMember, withValueAt } from '../resource-value.ts';
import { isUnknownPath, withUnknownAt } from '../unknown-attributes.ts';
import { listToStore } from '../validate/list-to-store.ts';
import { checkImmutable, filled, valueFromFilter, writeValue } from './merge-values.ts';
import { findTarget, type OperationTarget, refuseOperation } from './operation-target.ts';
import { createPatchBudget, type PatchBudget } from './patch-budget.ts';

/**
 * Applies operations in order, each to the result of the one before (RFC 7644, section 3.5.2). The result is not yet
 * validated as a whole. An attribute that is never returned is left alone.
 * @param onNoTarget what an operation that writes does when it selects no value.
 * @param keepUnknown whether a whole attribute that no schema knows is written too; else its path is invalid.
 * @returns the same object when nothing changes.
 * @throws DirectoryError PATH_INVALID, FILTER_INVALID, NO_TARGET, MUTABILITY, VALUE_INVALID, LIMIT_EXCEEDED (see
 * `maxValueVisits`)
 */
export function applyPatch(
  resourceType: ResourceType,
  resource: JsonObject,
  operations: readonly PatchOperation[],
  onNoTarget: OnNoTarget,
  keepUnknown = false,
): JsonObject {
  const context = { resourceType, onNoTarget, keepUnknown, budget: createPatchBudget() };
  const result = operations.reduce((state, operation) => applyOperation(context, state, operation), resource);
  return jsonEqual(result, resource) ? resource : result;
}

/** What is the same for all operations of a PATCH. */
interface PatchContext {
  readonly resourceType: ResourceType;
  readonly onNoTarget: OnNoTarget;
  readonly keepUnknown: boolean;
  readonly budget: PatchBudget;
}

function applyOperation(context: PatchContext, resource: JsonObject, operation: PatchOperation): JsonObject {
  if (operation.op === PatchOp.UNSPECIFIED) {
    throw new DirectoryError(
      ErrorReason.REQUEST_INVALID,
      `Operation ${operation.index} has no op; choose ADD, REMOVE or REPLACE.`,
      { field: 'operations.op' },
    );
  }
  if (context.keepUnknown && operation.path && isUnknownPath(context.resourceType, operation.path)) {
    const value = operation.op === PatchOp.REMOVE ? null : toJsonValue(operation.value);
    return withUnknownAt(resource, operation.path, value, writingOf(operation.op));
  }
  if (operation.path?.attribute === '' && operation.path.extension !== '') {
    return applyToExtension(context, resource, operation);
  }
  const target = findTarget(context.resourceType, operation);
  if (target.attribute.returned === 'never') return resource;
  const current = valueAt(resource, target.keys);
  const value = operation.op === PatchOp.REMOVE ? null : toJsonValue(operation.value);
  const next = target.attribute.multiValued
    ? changeList(context, target, isJsonArray(current) ? current : [], value, operation)
    : changeSingle(target, current, value, operation.op);
  if (next === undefined && target.attribute.required) {
    throw target.refuse(ErrorReason.MUTABILITY, 'the attribute is required and cannot be removed');
  }
  checkImmutable(target, target.attribute, current, next);
  return withValueAt(resource, target.keys, next);
}

/** An operation on a whole extension is one on each attribute that its value lists, or removes all of it. */
function applyToExtension(
  context: PatchContext,
  resource: JsonObject,
  operation: PatchOperation,
): JsonObject {
  const { resourceType } = context;
  const { path } = operation;
  const extension = path && resourceType.findExtension(path.extension);
  if (
    path === undefined ||
    extension === undefined ||
    path.subAttribute !== '' ||
    path.valueFilter !== undefined
  ) {
    throw refuseOperation(operation, ErrorReason.PATH_INVALID, `${resourceType.name} has no such extension`);
  }
  const value = operation.op === PatchOp.REMOVE ? null : toJsonValue(operation.value);
  if (value === null && extension.required) {
    throw refuseOperation(
      operation,
      ErrorReason.MUTABILITY,
      'the extension is required and cannot be removed',
    );
  }
  if (value === null) {
    const fixed = extension.schema.attributes.find(
      ({ field, mutability }) =>
        mutability === 'immutable' && valueAt(resource, [extension.field, field]) !== undefined,
    );
    if (fixed) {
      const problem = `${fixed.name} has a value and cannot be changed`;
      throw refuseOperation(operation, ErrorReason.MUTABILITY, problem);
    }
    return withMember(resource, extension.field, undefined);
  }
  if (!isJsonObject(value)) {
    throw refuseOperation(operation, ErrorReason.VALUE_INVALID, 'the value of an extension is an object');
  }
  return Object.entries(value).reduce((state, [name, part]) => {
    const attribute = resourceType.findAttribute(name, path.extension);
    if (attribute === undefined || attribute.derived || attribute.mutability === 'readOnly') return state;
    const inside = { ...operation, path: { ...path, attribute: attribute.name }, value: part };
    return applyOperation(context, state, inside);
  }, resource);
}

function changeSingle(
  target: OperationTarget,
  current: JsonValue | undefined,
  value: JsonValue,
  op: PatchOp,
): JsonValue | undefined {
  const { attribute, subAttribute } = target;
  if (subAttribute === undefined) return writeValue(target, attribute, current, value, writingOf(op));
  const holder = isJsonObject(current) ? current : {};
  const next = writePart(target, holder, value, op);
  return Object.keys(next).length === 0 ? undefined : next;
}

function changeList(
  { budget, onNoTarget }: PatchContext,
  target: OperationTarget,
  current: readonly JsonValue[],
  value: JsonValue,
  { op, index }: PatchOperation,
): readonly JsonValue[] | undefined {
  const { attribute, subAttribute, selection } = target;
  budget.spend(index, current.length + (isJsonArray(value) ? value.length : 0), selection?.filter);
  if (selection === undefined && subAttribute === undefined) {
    const next = writeValue(
      target,
      attribute,
      current.length === 0 ? undefined : current,
      value,
      writingOf(op),
    );
    return isJsonArray(next) ? filled(listToStore(attribute, next, current)) : undefined;
  }
  const selected = new Set(current.filter((element) => selection?.test(element) ?? true));
  if (selected.size === 0) {
    if (value === null) return filled(current);
    const created = createElement(target, value, op, onNoTarget);
    return filled(listToStore(attribute, created === undefined ? current : [...current, created], current));
  }
  const next = current
    .map((element) => (selected.has(element) ? changeElement(target, element, value, op) : element))
    .filter((element) => element !== undefined);
  return filled(listToStore(attribute, next, current));
}

/** Changes one value of a list; undefined when nothing of it is left. */
function changeElement(
  target: OperationTarget,
  element: JsonValue,
  value: JsonValue,
  op: PatchOp,
): JsonValue | undefined {
  const { attribute, subAttribute } = target;
  const holder = isJsonObject(element) ? element : {};
  if (subAttribute !== undefined) {
    const next = writePart(target, holder, value, op);
    return Object.keys(next).length === 0 ? undefined : next;
  }
  if (value === null) return undefined;
  // A selected value is swapped by `replace` (RFC 7644, section 3.5.2.3); what is listed is merged into it by `add`.
  const single = { ...attribute, multiValued: false };
  const next = writeValue(
    target,
    single,
    op === PatchOp.REPLACE ? undefined : holder,
    onlyItem(value),
    writingOf(op),
  );
  return jsonEqual(next, element) ? element : next;
}

/** What an operation adds that selects nothing: the value its filter describes, with the operation's value written to it. */
function createElement(
  target: OperationTarget,
  value: JsonValue,
  op: PatchOp,
  onNoTarget: OnNoTarget,
): JsonValue | undefined {
  const { attribute, selection } = target;
  const described = selection === undefined ? {} : valueFromFilter(attribute, selection.filter);
  const possible = selection === undefined || selection.test(described);
  if (onNoTarget !== OnNoTarget.CREATE || !possible) {
    throw target.refuse(ErrorReason.NO_TARGET, 'no value is selected by the path');
  }
  return changeElement(target, described, value, target.subAttribute === undefined ? PatchOp.ADD : op);
}

function writePart(target: OperationTarget, holder: JsonObject, value: JsonValue, op: PatchOp): JsonObject {
  const { subAttribute: part } = target;
  if (part === undefined) return holder;
  const next = writeValue(target, part, holder[part.field], value, writingOf(op));
  if (next === undefined && part.required) {
    throw target.refuse(ErrorReason.MUTABILITY, 'the attribute is required and cannot be removed');
  }
  return withMember(holder, part.field, next);
}

/** Some clients put the one value for a selection into a list. */
function onlyItem(value: JsonValue): JsonValue {
  return isJsonArray(value) && value.length === 1 ? (value[0] ?? null) : value;
}

function writingOf(op: PatchOp): 'add' | 'replace' {
  return op === PatchOp.ADD ? 'add' : 'replace';
}
