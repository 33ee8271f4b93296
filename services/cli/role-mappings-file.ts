import { z } from 'zod';
import { type RoleMapping, RoleMappings } from '#proto/rollcall/directory/v1/role_service.ts';
import { parseFilter } from '#scim/filter-parser.ts';
import { printFilter } from '#scim/filter-printer.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import { ScimSyntaxError } from '#scim/scim-syntax-error.ts';
import { readJsonFile } from './json-file.ts';

const time = z.iso.datetime({ offset: true, error: 'write it as 2030-12-31T18:00:00Z' });

const mappingSchema = z
  .strictObject({
    id: z.string(),
    /** The members of a group, nested ones included. */
    group: z
      .union([
        z.strictObject({ id: z.string() }),
        z.strictObject({ externalId: z.string() }),
        z.strictObject({ displayName: z.string() }),
      ])
      .optional(),
    /** The users that a SCIM filter selects. */
    filter: z.string().optional(),
    /** Every user. */
    everyone: z.literal(true).optional(),
    roles: z.array(z.string()),
    precedence: z.int().optional(),
    notBefore: time.optional(),
    notAfter: time.optional(),
  })
  .refine(
    ({ group, filter, everyone }) =>
      [group, filter, everyone].filter((part) => part !== undefined).length === 1,
    'say whom it is about by one of "group", "filter" and "everyone"',
  );

const fileSchema = z.strictObject({
  /** The version that must be in force; absent accepts any. */
  version: z.int().nonnegative().optional(),
  protectedRoles: z.array(z.string()).default([]),
  mappings: z.array(mappingSchema),
});

type MappingEntry = z.input<typeof mappingSchema>;

/** Role mappings as operators keep them in a file. */
export type RoleMappingsFile = z.input<typeof fileSchema>;

/** What a file asks for. */
export interface ReadRoleMappings {
  /** The mappings. */
  readonly mappings: RoleMappings;
  /** The version that must be in force; undefined accepts any. */
  readonly version: number | undefined;
}

/**
 * Reads role mappings from a file, `-` for standard input. Throws an Error that says what to change.
 * @param userType the users of the connection, for the filters
 */
export async function readRoleMappingsFile(path: string, userType: ResourceType): Promise<ReadRoleMappings> {
  const file = await readJsonFile(path, fileSchema);
  const mappings = file.mappings.map(
    (entry): RoleMapping => ({
      id: entry.id,
      subject: subjectOf(entry, userType),
      roles: entry.roles,
      precedence: entry.precedence,
      notBefore: entry.notBefore === undefined ? undefined : new Date(entry.notBefore),
      notAfter: entry.notAfter === undefined ? undefined : new Date(entry.notAfter),
    }),
  );
  return {
    mappings: RoleMappings.fromPartial({ mappings, protectedRoles: file.protectedRoles }),
    version: file.version,
  };
}

/** Role mappings as they stand in a file. */
export function roleMappingsFile(
  { mappings, protectedRoles }: RoleMappings,
  version: number,
): RoleMappingsFile {
  return {
    version,
    protectedRoles,
    mappings: mappings.map(({ id, subject, roles, precedence, notBefore, notAfter }) => ({
      id,
      ...subjectEntry(subject),
      roles,
      ...(precedence !== undefined && { precedence }),
      ...(notBefore && { notBefore: notBefore.toISOString() }),
      ...(notAfter && { notAfter: notAfter.toISOString() }),
    })),
  };
}

/** Whom a mapping is about, for people. */
export function subjectText(subject: RoleMapping['subject']): string {
  switch (subject?.$case) {
    case 'groupId':
      return `group ${subject.value}`;
    case 'groupExternalId':
      return `group with externalId ${JSON.stringify(subject.value)}`;
    case 'groupDisplayName':
      return `group ${JSON.stringify(subject.value)}`;
    case 'userFilter':
      return printFilter(subject.value);
    default:
      return 'everyone';
  }
}

function subjectOf({ id, group, filter }: MappingEntry, userType: ResourceType): RoleMapping['subject'] {
  if (filter !== undefined) {
    try {
      return { $case: 'userFilter', value: parseFilter(userType, filter) };
    } catch (error) {
      if (!(error instanceof ScimSyntaxError)) throw error;
      throw new Error(`The filter of the mapping ${id}: ${error.message}`);
    }
  }
  if (group === undefined) return { $case: 'everyone', value: {} };
  if ('id' in group) return { $case: 'groupId', value: group.id };
  if ('externalId' in group) return { $case: 'groupExternalId', value: group.externalId };
  return { $case: 'groupDisplayName', value: group.displayName };
}

function subjectEntry(subject: RoleMapping['subject']): Pick<MappingEntry, 'group' | 'filter' | 'everyone'> {
  switch (subject?.$case) {
    case 'groupId':
      return { group: { id: subject.value } };
    case 'groupExternalId':
      return { group: { externalId: subject.value } };
    case 'groupDisplayName':
      return { group: { displayName: subject.value } };
    case 'userFilter':
      return { filter: printFilter(subject.value) };
    default:
      return { everyone: true };
  }
}
