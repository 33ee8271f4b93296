import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import type { Filter } from '#proto/rollcall/scim/v1/filter.ts';
import { PatchOp, type PatchOperation } from '#proto/rollcall/scim/v1/patch.ts';
import type { AttributeDefinition } from '#scim/attribute.ts';
import { printAttributeName } from '#scim/attribute-name.ts';
import { AttributeValueError, readAttributeValue } from '#scim/attribute-value.ts';
import type { JsonValue } from '#scim/json.ts';
import { type ResourceType, resolvePath } from '#scim/schema-registry.ts';
import { DirectoryError } from '../errors.ts';
import { createValueTest, type ValueTest } from '../filter/value-test.ts';

/** What one operation of a PATCH works on. */
export interface OperationTarget {
  /** The top-level attribute. */
  readonly attribute: AttributeDefinition;
  /** The sub-attribute, when the path names one. */
  readonly subAttribute: AttributeDefinition | undefined;
  /** Storage keys that lead to the attribute (not the sub-attribute) from the top of the resource. */
  readonly keys: readonly string[];
  /** Which values of a multi-valued attribute; all when absent. */
  readonly selection: { readonly filter: Filter; readonly test: ValueTest } | undefined;
  /** Makes a refusal that names the path and the operation. */
  refuse(reason: ErrorReason, problem: string): DirectoryError;
  /** Checks a value for an attribute of the target; undefined unassigns it. @throws DirectoryError VALUE_INVALID */
  read(definition: AttributeDefinition, value: JsonValue): JsonValue | undefined;
}

/**
 * Finds what an operation works on and whether a client may change it. The path does not name a whole extension.
 * @throws DirectoryError PATH_INVALID, FILTER_INVALID, MUTABILITY, NO_TARGET
 */
export function findTarget(resourceType: ResourceType, operation: PatchOperation): OperationTarget {
  const { path } = operation;
  const refuse = (reason: ErrorReason, problem: string) => refuseOperation(operation, reason, problem);
  if (path === undefined) {
    const reason = operation.op === PatchOp.REMOVE ? ErrorReason.NO_TARGET : ErrorReason.PATH_INVALID;
    throw refuse(reason, 'give it a path');
  }
  const resolved = resolvePath(resourceType, path);
  if (resolved === undefined)
    throw refuse(ErrorReason.PATH_INVALID, `${resourceType.name} has no such attribute`);
  const { attribute, subAttribute } = resolved;
  if (path.valueFilter !== undefined && (!attribute.multiValued || attribute.type !== 'complex')) {
    throw refuse(ErrorReason.PATH_INVALID, 'only values of a multi-valued complex attribute can be selected');
  }
  if ([attribute, subAttribute].some((part) => part && (part.derived || part.mutability === 'readOnly'))) {
    throw refuse(ErrorReason.MUTABILITY, 'the attribute is read-only');
  }
  const owner = path.extension === '' ? '' : `${path.extension}:`;
  return {
    attribute,
    subAttribute,
    keys: subAttribute === undefined ? resolved.keys : resolved.keys.slice(0, -1),
    selection: path.valueFilter && {
      filter: path.valueFilter,
      test: createValueTest(attribute, path.valueFilter),
    },
    refuse,
    read(definition, value) {
      try {
        return readAttributeValue(definition, value, { unknown: 'ignore' });
      } catch (error) {
        if (!(error instanceof AttributeValueError)) throw error;
        const inside = definition.name === attribute.name ? '' : `${attribute.name}.`;
        throw new DirectoryError(
          ErrorReason.VALUE_INVALID,
          `Operation ${operation.index}: ${error.message}`,
          {
            attribute: `${owner}${inside}${error.attribute}`,
            operation: String(operation.index),
          },
        );
      }
    },
  };
}

/** A refusal that names the operation and its path. */
export function refuseOperation(
  operation: PatchOperation,
  reason: ErrorReason,
  problem: string,
): DirectoryError {
  // Without the value filter: what it compares with may be about a person, and messages are logged.
  const name = operation.path ? printAttributeName(operation.path) : '';
  const message = `Operation ${operation.index}${name === '' ? '' : ` on ${name}`}: ${problem}.`;
  return new DirectoryError(reason, message, { attribute: name, operation: String(operation.index) });
}
