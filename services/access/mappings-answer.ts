import type { MappingsInForce } from '#proto/rollcall/directory/v1/change_service.ts';
import type { RoleMapping } from '#proto/rollcall/directory/v1/role_service.ts';
import { printFilter } from '#scim/filter-printer.ts';

/** A rule: whoever it is about has these roles while it is valid. */
export interface MappingAnswer {
  /** Names it. */
  id: string;
  /** Whom it is about: the members, at any depth, of groups by id, externalId or displayName; users by a SCIM filter; everyone. */
  subject:
    | { groupId: string }
    | { groupExternalId: string }
    | { groupDisplayName: string }
    | { userFilter: string }
    | { everyone: true };
  /** The roles. */
  roles: string[];
  /** For products that want one role only: the highest that applies counts. */
  precedence?: number;
  /** Before this time it gives no role, in RFC 3339 form. */
  notBefore?: string;
  /** From this time on it gives no role, in RFC 3339 form. */
  notAfter?: string;
}

/** The mappings from groups and users to roles that are in force. */
export interface MappingsAnswer {
  /** Their version; 0 when none was ever set. */
  version: number;
  /** The mappings. */
  mappings: MappingAnswer[];
  /** The roles that an edit of mappings leaves a holder. */
  protectedRoles: string[];
}

/** Renders role mappings as the directory sent them. */
export function mappingsAnswer({ version, mappings }: MappingsInForce): MappingsAnswer {
  return {
    version,
    mappings: (mappings?.mappings ?? []).map(mappingAnswer),
    protectedRoles: mappings?.protectedRoles ?? [],
  };
}

function mappingAnswer({ id, subject, roles, precedence, notBefore, notAfter }: RoleMapping): MappingAnswer {
  return {
    id,
    subject: subjectAnswer(subject),
    roles,
    ...(precedence !== undefined && { precedence }),
    ...(notBefore && { notBefore: notBefore.toISOString() }),
    ...(notAfter && { notAfter: notAfter.toISOString() }),
  };
}

function subjectAnswer(subject: RoleMapping['subject']): MappingAnswer['subject'] {
  switch (subject?.$case) {
    case 'groupId':
      return { groupId: subject.value };
    case 'groupExternalId':
      return { groupExternalId: subject.value };
    case 'groupDisplayName':
      return { groupDisplayName: subject.value };
    case 'userFilter':
      return { userFilter: printFilter(subject.value) };
    case 'everyone':
      return { everyone: true };
    case undefined:
      throw new Error('The directory answered a mapping that is about nobody');
  }
}
