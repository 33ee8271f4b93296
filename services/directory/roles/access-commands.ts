import { ConnectionStatus } from '#proto/rollcall/directory/v1/connection_service.ts';
import type { RoleMapping } from '#proto/rollcall/directory/v1/role_service.ts';
import type { Command } from '../decision.ts';
import { connectionNotFound } from '../errors.ts';
import { operatorCommand } from '../write-command.ts';
import type { RoleLoader } from './role-loader.ts';
import { versionInForce } from './role-mappings-edits.ts';
import { nextEdge } from './validity.ts';

/**
 * Records that mappings began or ended, once, whoever notices; does nothing when there is nothing to record. Answers when
 * the next of them does; null for never.
 */
export function recordValidity(loader: RoleLoader, connection: string, now: Date): Command<Date | null> {
  let mappings: readonly RoleMapping[] = [];
  return operatorCommand(connection, now.getTime(), {
    load: (reader) =>
      reader.query(async (head, session) => {
        if (head.status === ConnectionStatus.DELETING) throw connectionNotFound(connection);
        mappings = (await versionInForce(loader, head, session)).mappings.mappings;
      }),
    decide({ roleMappings }) {
      const edge = roleMappings.nextEdge;
      if (!edge || edge > now) return { reply: () => edge };
      const next = nextEdge(mappings, now) ?? null;
      const passed = (date: Date | undefined) => date !== undefined && edge <= date && date <= now;
      const idsOf = (found: readonly RoleMapping[]) => found.map(({ id }) => id);
      return {
        roleMappings: { ...roleMappings, nextEdge: next },
        changes: [
          {
            kind: 'validity',
            began: idsOf(mappings.filter(({ notBefore }) => passed(notBefore))),
            ended: idsOf(mappings.filter(({ notAfter }) => passed(notAfter))),
          },
        ],
        reply: () => next,
      };
    },
  });
}

/** What became of what was found out about the holders of protected roles. */
export interface HoldersRecord {
  /** Whether something was written since it was found out, so that it has to be found out again. */
  readonly stale: boolean;
  /** Roles whose loss was recorded. */
  readonly lost: readonly string[];
}

/** Records which protected roles nobody has, as it was at a position; each loss gets a change record. */
export function recordHolders(
  connection: string,
  { unheld, position }: { readonly unheld: readonly string[]; readonly position: number },
  now: Date,
): Command<HoldersRecord> {
  return operatorCommand<HoldersRecord>(connection, now.getTime(), {
    async load() {},
    decide(view) {
      const { roleMappings } = view;
      if (view.position !== position) return { reply: () => ({ stale: true, lost: [] }) };
      const lost = unheld.filter((role) => !roleMappings.unheld.includes(role));
      return {
        roleMappings: { ...roleMappings, unheld },
        changes: lost.map((role) => ({ kind: 'protectedRole', role })),
        reply: () => ({ stale: false, lost }),
      };
    },
  });
}
