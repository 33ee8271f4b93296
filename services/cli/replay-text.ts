import type { Exchange } from '#proto/rollcall/directory/v1/exchange_service.ts';
import type { JsonValue } from '#scim/json.ts';
import type { PlannedWrite, ReplayReport } from '#scim/replay-report.ts';
import { errorOf, printable } from './exchange-text.ts';
import { type Row, toTable } from './print.ts';

const maxValueLength = 60;

/** What a replay found out, for people. */
export function replayText(recorded: Exchange, { exchange, writes }: ReplayReport): string {
  const { method, path, status, time, masked } = recorded;
  const list = (title: string, names: readonly string[]) =>
    names.length === 0 ? [] : [`${title}: ${names.join(', ')}`];
  const error = errorOf(exchange);
  const isBulk = /^\/Bulk($|\?)/.test(path);
  return [
    `${method} ${path} of ${time?.toISOString() ?? ''}, tried again without writing anything.`,
    ...list('Placeholders stand in for what was masked, and only have its type', masked),
    ...list(
      'Not shown here, because the connection masks it now',
      exchange.masked.filter((name) => !masked.includes(name)),
    ),
    ...(isBulk
      ? ['Each operation is tried on what is there now: one that needs another of them is refused here.']
      : []),
    '',
    `It was answered with ${status}. Now it would be ${exchange.status}.`,
    ...list('Error', error === '' ? [] : [error]),
    ...list('Repairs', exchange.repairs),
    ...list('Ignored', exchange.ignored),
    ...(writes.length === 0 ? ['It would write nothing.'] : writes.flatMap(writeLines)),
  ]
    .map(printable)
    .join('\n');
}

function writeLines({ action, resourceType, id, differences, members }: PlannedWrite): string[] {
  const rows = differences.map(({ attribute, before, after }) => ({
    attribute,
    before: valueText(before),
    after: valueText(after),
  }));
  const name = `${resourceType} ${id}`;
  if (action === 'change' && rows.length === 0 && !(members && members.added + members.removed)) {
    return ['', `It would leave ${name} as it is.`];
  }
  return [
    '',
    action === 'create' ? `It would create a ${resourceType}.` : `It would ${action} ${name}.`,
    ...tableLines(rows),
    ...(members ? memberLines(members) : []),
  ];
}

function tableLines(rows: readonly Row[]): string[] {
  return rows.length === 0
    ? []
    : toTable(rows)
        .split('\n')
        .map((line) => `  ${line}`);
}

function memberLines({ added, removed, firstAdded, firstRemoved }: NonNullable<PlannedWrite['members']>) {
  const line = (title: string, count: number, ids: readonly string[]) => {
    const more = count > ids.length ? `, and ${count - ids.length} more` : '';
    return count === 0 ? [] : [`  ${count} members ${title}: ${ids.join(', ')}${more}`];
  };
  return [...line('added', added, firstAdded), ...line('removed', removed, firstRemoved)];
}

function valueText(value: JsonValue | undefined): string | undefined {
  if (value === undefined) return undefined;
  const text = JSON.stringify(value);
  return text.length > maxValueLength ? `${text.slice(0, maxValueLength)}…` : text;
}
