import assert from 'node:assert/strict';
import type { startTestDirectory } from './directory.ts';

type CommandEvent = Parameters<NonNullable<Parameters<typeof startTestDirectory>[2]>>[0];
type Document = Record<string, unknown>;

/** A command that was sent to the database. */
export type SentCommand = Extract<CommandEvent, { command: unknown }>;

const tenantless = new Set(['heads', 'connections', 'service_tokens']);

/** Fails when a command reaches what tenants own and does not name the tenant; gives how many selectors were looked at. */
export function checkTenants(sent: readonly SentCommand[]): number {
  let checked = 0;
  for (const { commandName, command } of sent) {
    const collection = command[commandName];
    const selectors =
      commandName === 'bulkWrite' ? mixedSelectors(command) : selectorsOf(commandName, command);
    for (const selector of tenantless.has(collection) ? [] : selectors) {
      const text = JSON.stringify(selector).slice(0, 300);
      assert.ok(namesTenant(selector), `${commandName} ${collection}: ${text}`);
      checked++;
    }
  }
  return checked;
}

/** The same of a command that writes several collections. */
function mixedSelectors({ ops, nsInfo }: Document): readonly Document[] {
  const namespaces = (nsInfo as readonly { ns: string }[]).map(({ ns }) => ns.slice(ns.indexOf('.') + 1));
  return (ops as Document[]).flatMap(({ insert, update, delete: removed, document, filter }) => {
    const collection = namespaces[Number(insert ?? update ?? removed)];
    return collection !== undefined && tenantless.has(collection) ? [] : [(document ?? filter) as Document];
  });
}

/** What a command selects, or the documents it inserts. */
function selectorsOf(name: string, command: Document): readonly Document[] {
  const list = (value: unknown) => (Array.isArray(value) ? (value as Document[]) : []);
  switch (name) {
    case 'find':
      return [command.filter as Document];
    case 'aggregate':
      return [(list(command.pipeline)[0]?.$match ?? {}) as Document];
    case 'update':
      return list(command.updates).map(({ q }) => q as Document);
    case 'delete':
      return list(command.deletes).map(({ q }) => q as Document);
    case 'insert':
      return list(command.documents);
    default:
      return [];
  }
}

function namesTenant({ connection, _id }: Document): boolean {
  const isKey = (id: unknown) => typeof id === 'string' && /^[a-z0-9]{8,32}\//.test(id);
  if (typeof connection === 'string' && /^[a-z0-9]{8,32}$/.test(connection)) return true;
  const among = (_id as { $in?: unknown } | null | undefined)?.$in;
  return isKey(_id) || (Array.isArray(among) && among.every(isKey));
}
