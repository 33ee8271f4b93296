import { ConnectionStatus } from '#proto/rollcall/directory/v1/connection_service.ts';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { RoleMapping, RoleMappings } from '#proto/rollcall/directory/v1/role_service.ts';
import type { Command, RoleMappingsVersion } from '../decision.ts';
import { connectionNotFound, DirectoryError } from '../errors.ts';
import type { HeadDocument } from '../mongo/documents.ts';
import { commandOf, type WriteContext } from '../write-command.ts';
import { checkRoleMappings } from './check-role-mappings.ts';
import { compileMappings } from './compiled-mappings.ts';
import type { RoleLoader } from './role-loader.ts';
import type { RoleReads } from './role-reads.ts';
import { nextEdge } from './validity.ts';

/** What every edit of role mappings says besides what it sets. */
export interface EditContext extends Omit<WriteContext, 'expectedVersion'> {
  /** Who makes it, in their own words. */
  readonly author: string;
  /** Take the last holder of a protected role too. */
  readonly force: boolean;
  /** The version that must be in force; absent accepts any. */
  readonly expectedVersion: number | undefined;
}

/** The answer to an edit. */
export interface EditReply {
  /** The version that is in force now. */
  readonly version: RoleMappingsVersion;
  /** Whether it is a new one. */
  readonly changed: boolean;
  /** The connection's position after it. */
  readonly position: number;
}

/** What edits read. */
export interface EditSources {
  /** Reads mappings and what they name. */
  readonly loader: RoleLoader;
  /** Says which roles nobody has. */
  readonly reads: Pick<RoleReads, 'unheld'>;
}

/** Sets mappings, or goes back to a version. See RoleService for what it fails with. */
export function editRoleMappings(
  { loader, reads }: EditSources,
  context: EditContext,
  proposal: { readonly mappings: RoleMappings } | { readonly version: number },
): Command<EditReply> {
  let current: RoleMappingsVersion;
  let next: RoleMappings;
  let lost: readonly string[];
  let unheld: readonly string[];
  return {
    ...commandOf({ ...context, expectedVersion: undefined }, true),
    operator: true,
    load: (reader) =>
      reader.query(async (head, session) => {
        if (head.status === ConnectionStatus.DELETING) throw connectionNotFound(head.connection);
        current = await versionInForce(loader, head, session);
        const userType = await loader.userType(head, session);
        const proposed =
          'mappings' in proposal
            ? proposal.mappings
            : await mappingsOf(loader, head, proposal.version, session);
        next = await checkRoleMappings(userType, head, proposed);
        const compile = ({ mappings }: RoleMappings) => compileMappings(userType, mappings, () => undefined);
        const watched = [...new Set([...current.mappings.protectedRoles, ...next.protectedRoles])];
        unheld = await reads.unheld(head, compile(next), watched, session);
        const endangered = current.mappings.protectedRoles.filter((role) => unheld.includes(role));
        const already = await reads.unheld(head, compile(current.mappings), endangered, session);
        lost = endangered.filter((role) => !already.includes(role));
      }),
    decide() {
      const { author, force, time, expectedVersion } = context;
      if (expectedVersion !== undefined && expectedVersion !== current.version)
        throw anotherVersion(current.version);
      if (lost.length > 0 && !force) throw lastHolder(lost);
      if (sameMappings(current.mappings, next))
        return { reply: (position) => ({ version: current, changed: false, position }) };
      const version: RoleMappingsVersion = {
        version: current.version + 1,
        time,
        author,
        rolledBackTo: 'version' in proposal ? proposal.version : 0,
        mappings: next,
      };
      return {
        roleMappings: {
          version: version.version,
          nextEdge: nextEdge(next.mappings, time) ?? null,
          protectedRoles: next.protectedRoles,
          unheld: next.protectedRoles.filter((role) => unheld.includes(role)),
        },
        roleMappingsVersion: version,
        changes: [
          {
            kind: 'roleMappings',
            version: version.version,
            author,
            mappings: changedMappings(current.mappings, next),
          },
        ],
        reply: (position) => ({ version, changed: true, position }),
      };
    },
  };
}

/** The version that a head says is in force. */
export async function versionInForce(
  loader: RoleLoader,
  head: HeadDocument,
  session: Parameters<RoleLoader['version']>[2],
): Promise<RoleMappingsVersion> {
  const version = head.roleMappings?.version ?? 0;
  const found = await loader.version(head, version, session);
  if (!found) throw new Error(`version ${version} of the role mappings is in force and not stored`);
  return found;
}

/** The mappings of a version, as it may be asked for. MAPPINGS_VERSION_NOT_FOUND. */
export async function mappingsOf(
  loader: RoleLoader,
  head: HeadDocument,
  version: number,
  session: Parameters<RoleLoader['version']>[2],
): Promise<RoleMappings> {
  const found = await loader.version(head, version, session);
  if (found) return found.mappings;
  throw versionNotFound(version);
}

/** The error for a version that there is not. */
export function versionNotFound(version: number): DirectoryError {
  return new DirectoryError(
    ErrorReason.MAPPINGS_VERSION_NOT_FOUND,
    `The role mappings have no version ${version}; list the versions there are.`,
    { version: String(version) },
  );
}

/** Ids of mappings that are new in one of two sets, or not the same in both. */
export function changedMappings(before: RoleMappings, after: RoleMappings): readonly string[] {
  const encoded = ({ mappings }: RoleMappings) =>
    new Map(mappings.map((mapping) => [mapping.id, Buffer.from(RoleMapping.encode(mapping).finish())]));
  const [first, second] = [encoded(before), encoded(after)];
  return [...new Set([...first.keys(), ...second.keys()])]
    .filter((id) => {
      const [one, other] = [first.get(id), second.get(id)];
      return !one || !other || !one.equals(other);
    })
    .sort();
}

function sameMappings(before: RoleMappings, after: RoleMappings): boolean {
  const [one, other] = [before, after].map((mappings) => RoleMappings.encode(mappings).finish());
  return one !== undefined && other !== undefined && Buffer.compare(one, other) === 0;
}

function anotherVersion(version: number): DirectoryError {
  return new DirectoryError(
    ErrorReason.VERSION_MISMATCH,
    `Version ${version} of the role mappings is in force; read it and repeat the edit on it.`,
    { version: String(version) },
  );
}

function lastHolder(roles: readonly string[]): DirectoryError {
  return new DirectoryError(
    ErrorReason.LAST_HOLDER,
    `Nobody would have the protected ${roles.length === 1 ? 'role' : 'roles'} ${roles.join(', ')} any more: give it to somebody first, or force the edit.`,
    { roles: roles.join() },
  );
}
