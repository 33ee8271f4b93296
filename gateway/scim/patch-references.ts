import type { AttributePath } from '#proto/rollcall/scim/v1/filter.ts';
import type { AttributeDefinition } from '#scim/attribute.ts';
import { AttributeValueError } from '#scim/attribute-value.ts';
import { isJsonObject, type JsonValue } from '#scim/json.ts';
import { resolvePath } from '#scim/schema-registry.ts';
import type { ResourceExchange } from '../http/exchange.ts';
import { isMemberList } from './member-list.ts';
import type { PatchStep } from './patch-step.ts';
import { resolveValueReferences } from './reference-filter.ts';
import { createReferenceReader, type ReadReference, withReferencedIds } from './references.ts';

/** A step of a PATCH that names one attribute, or a whole extension. */
export interface StepPart {
  /** The operation, its value that of the attribute. */
  readonly step: PatchStep;
  /** What it names. */
  readonly path: AttributePath;
}

/**
 * The part with ids in place of URIs: in the filter of its path (`members[$ref eq "…"]`), in its value (`{"$ref": "…"}`
 * without a `value`), and as its value, where its path is that of a `$ref` which a client may write.
 * @throws AttributeValueError when such a `$ref` is to name something else than a resource @throws ScimError 400
 */
export function withIdsForReferences(exchange: ResourceExchange, part: StepPart): StepPart {
  const { resourceType, registry, baseUrl } = exchange;
  const readReference = createReferenceReader(registry, baseUrl);
  const { step, path } = part;
  const resolved = resolvePath(resourceType, path);
  if (resolved === undefined) {
    if (!isJsonObject(step.value)) return part;
    const entries = Object.entries(step.value).map(([name, item]) => {
      const attribute = resourceType.findAttribute(name, path.extension);
      return [name, attribute ? withReferencedIds(attribute, item, readReference) : item];
    });
    return { step: { ...step, value: Object.fromEntries(entries) }, path };
  }
  const { attribute, subAttribute } = resolved;
  if (subAttribute?.name === '$ref' && attribute.mutability !== 'readOnly' && !isMemberList(attribute)) {
    return {
      step: step.value === undefined ? step : { ...step, value: idOf(attribute, step.value, readReference) },
      path: { ...path, subAttribute: 'value' },
    };
  }
  const filter = path.valueFilter && resolveValueReferences(attribute, readReference, path.valueFilter);
  const named =
    step.value === undefined ? undefined : withReferencedIds(attribute, step.value, readReference);
  return {
    step: named === undefined || subAttribute ? step : { ...step, value: named },
    path: filter ? { ...path, valueFilter: filter } : path,
  };
}

function idOf(attribute: AttributeDefinition, uri: JsonValue, readReference: ReadReference): JsonValue {
  if (uri === null) return null;
  const target = typeof uri === 'string' ? readReference(uri) : undefined;
  const types = attribute.subAttributes.find(({ name }) => name === '$ref')?.referenceTypes ?? [];
  if (target && types.includes(target.type.name)) return target.id;
  const name = `${attribute.name}.$ref`;
  throw new AttributeValueError(
    name,
    `${name} must be the URI of a ${types.join(' or ')} of this connection.`,
  );
}
