import type { AttributeDefinition } from '#scim/attribute.ts';
import type { JsonObject, JsonValue } from '#scim/json.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import type { PatchStep } from '../scim/patch-step.ts';

/** What a repair may know about the request. */
export interface RepairContext {
  /** The type of the resources that the URL names. */
  readonly resourceType: ResourceType;
  /** The resource's id as the URL has it; empty for the whole collection. */
  readonly id: string;
}

/*
 * A repair undoes one mistake that real clients make. It returns the very value it got when that has no such mistake:
 * anything else counts as a repair made.
 */

/** Repairs the body of a POST, PUT or PATCH. */
export type BodyRepair = (body: JsonObject, context: RepairContext) => JsonObject;

/** Repairs the operations of a PATCH. */
export type StepsRepair = (steps: readonly PatchStep[], context: RepairContext) => readonly PatchStep[];

/** Repairs the text of a filter or of a PATCH path. */
export type TextRepair = (text: string, context: RepairContext) => string;

/** Repairs the value of an attribute or sub-attribute; what is inside it is repaired on its own. */
export type ValueRepair = (attribute: AttributeDefinition, value: JsonValue) => JsonValue;
