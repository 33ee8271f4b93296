import type { Extension } from '#proto/rollcall/directory/v1/connection_service.ts';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import type { SchemaAttribute, SchemaSubAttribute } from '#proto/rollcall/scim/v1/schema.ts';
import { checkExtension, extensionInvalid, isSameName } from './check-extension.ts';
import { DirectoryError } from './errors.ts';
import { refoldingName } from './refolding.ts';

/** How many extensions a connection may declare. */
export const maxExtensions = 20;

/** A set of declared extensions, and what changes by it. */
export interface DeclaredSet {
  /** All extensions, in the order in which they were declared. */
  readonly extensions: readonly Extension[];
  /** See `WriteSettings.refolding`; also what is taken back, as long as its values are stored. */
  readonly refolding: readonly string[];
  /** Attributes with one value that are to be unique and were not. */
  readonly newlyUnique: readonly {
    readonly resourceType: string;
    readonly urn: string;
    readonly attribute: string;
  }[];
}

/**
 * The extensions of a connection with one declared, or declared anew. REQUEST_INVALID with the reason for one that cannot
 * work, LIMIT_EXCEEDED.
 */
export function withExtension(before: readonly Extension[], declared: Extension): DeclaredSet {
  const extension = checkExtension(declared, before);
  const previous = before.find((known) => sameUrn(known, extension));
  if (previous) checkChange(previous, extension);
  else if (before.length >= maxExtensions)
    throw new DirectoryError(
      ErrorReason.LIMIT_EXCEEDED,
      `A connection declares at most ${maxExtensions} extensions; remove one first, or add attributes to one.`,
      { limit: 'extensions', maximum: String(maxExtensions) },
    );
  const { resourceType } = extension;
  const urn = extension.schema?.id ?? '';
  const pairs = attributesOf(extension).map((attribute) => ({
    attribute,
    earlier: attributesOf(previous).find(({ name }) => isSameName(name, attribute.name)),
  }));
  return {
    extensions: previous
      ? before.map((known) => (known === previous ? extension : known))
      : [...before, extension],
    refolding: [
      ...pairs
        .filter(({ attribute, earlier }) => earlier === undefined || !foldsAlike(earlier, attribute))
        .map(({ attribute }) => refoldingName(urn, attribute.name)),
      ...attributesOf(previous)
        .filter(({ name }) => !attributesOf(extension).some((left) => isSameName(left.name, name)))
        .map(({ name }) => refoldingName(urn, name)),
    ],
    newlyUnique: pairs
      .filter(({ attribute, earlier }) => earlier && isUnique(attribute) && !isUnique(earlier))
      .map(({ attribute }) => ({ resourceType, urn, attribute: attribute.name })),
  };
}

/** The extensions of a connection without one. EXTENSION_NOT_FOUND. */
export function withoutExtension(before: readonly Extension[], urn: string): DeclaredSet {
  const removed = before.find(({ schema }) => isSameName(schema?.id ?? '', urn));
  if (!removed)
    throw new DirectoryError(
      ErrorReason.EXTENSION_NOT_FOUND,
      'The connection declares no extension of this URN.',
      { urn: urn.slice(0, 200) },
    );
  return {
    extensions: before.filter((known) => known !== removed),
    refolding: attributesOf(removed).map(({ name }) => refoldingName(removed.schema?.id ?? '', name)),
    newlyUnique: [],
  };
}

/** Refuses to make of stored values something else. */
function checkChange(before: Extension, after: Extension): void {
  const urn = after.schema?.id ?? '';
  const remedy = 'to change that, take the attribute away first and declare it again then';
  if (before.resourceType !== after.resourceType)
    throw extensionInvalid(
      `${urn} is an extension of ${before.resourceType}; remove it first to declare it for ${after.resourceType}`,
    );
  for (const attribute of attributesOf(after)) {
    const earlier = attributesOf(before).find(({ name }) => isSameName(name, attribute.name));
    if (!earlier) continue;
    const path = `${urn}:${attribute.name}`;
    checkSameShape(path, earlier, attribute, remedy);
    if (earlier.caseExact !== attribute.caseExact && (isUnique(earlier) || isUnique(attribute)))
      throw extensionInvalid(
        `${path} is unique, so that caseExact cannot change; make it "uniqueness": "none" first`,
      );
    for (const part of attribute.subAttributes) {
      const earlierPart = earlier.subAttributes.find(({ name }) => isSameName(name, part.name));
      if (earlierPart) checkSameShape(`${path}.${part.name}`, earlierPart, part, remedy);
    }
  }
}

function checkSameShape(
  path: string,
  before: SchemaSubAttribute,
  after: SchemaSubAttribute,
  remedy: string,
): void {
  // The name is the key of what is stored.
  if (before.name !== after.name)
    throw extensionInvalid(`${path} was declared as ${before.name}; spell it like that`);
  if (before.type !== after.type) throw extensionInvalid(`${path} is of type ${before.type}; ${remedy}`);
  if (before.multiValued !== after.multiValued)
    throw extensionInvalid(`${path} has ${before.multiValued ? 'several values' : 'one value'}; ${remedy}`);
}

/** Whether values of an attribute are stored, compared and found as before. */
function foldsAlike(before: SchemaAttribute, after: SchemaAttribute): boolean {
  const isLeft = (part: SchemaSubAttribute) => after.subAttributes.some(({ name }) => name === part.name);
  const isAlike = (a: SchemaSubAttribute | undefined, b: SchemaSubAttribute) =>
    a !== undefined && a.caseExact === b.caseExact && (a.returned === 'never') === (b.returned === 'never');
  return (
    isAlike(before, after) &&
    before.subAttributes.every(isLeft) &&
    after.subAttributes.every((part) =>
      isAlike(
        before.subAttributes.find(({ name }) => name === part.name),
        part,
      ),
    )
  );
}

function attributesOf(extension: Extension | undefined): readonly SchemaAttribute[] {
  return extension?.schema?.attributes ?? [];
}

function isUnique({ uniqueness }: SchemaAttribute): boolean {
  return uniqueness !== 'none';
}

function sameUrn(a: Extension, b: Extension): boolean {
  return isSameName(a.schema?.id ?? '', b.schema?.id ?? '');
}
