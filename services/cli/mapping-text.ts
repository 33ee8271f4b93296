import type {
  MappedPart,
  PreviewAttributeMappingResponse,
} from '#proto/rollcall/directory/v1/connection_service.ts';
import type { Identity } from '#proto/rollcall/directory/v1/identity.ts';
import { toTable } from './print.ts';

/** What a mapping would do, for people. */
export function previewText(preview: PreviewAttributeMappingResponse): string {
  const { examined, partial, mapping, login, email, externalId, samples } = preview;
  if (examined === 0) return 'The connection has no users. Nothing was changed.';
  const parts = [
    { name: 'login', path: mapping?.login, counts: login },
    { name: 'email', path: mapping?.email, counts: email },
    { name: 'externalId', path: mapping?.externalId, counts: externalId },
  ];
  const rows = parts.map(({ name, path, counts }) => ({
    part: name,
    from: path,
    users: counts?.present,
    without: counts?.missing,
    changed: counts?.changed,
    sharing: counts?.shared,
  }));
  const before = samples.map(({ userId, userName, before: was, after: is }) => ({
    id: userId,
    userName,
    login: change(was, is, 'login'),
    email: change(was, is, 'email'),
    externalId: change(was, is, 'externalId'),
  }));
  return [
    `Tried on ${partial ? `the ${examined} oldest users` : `${examined} users`}; nothing was changed.`,
    '',
    toTable(rows),
    ...parts.flatMap(({ name, counts }) => (counts ? notes(name, counts) : [])),
    ...(samples.length === 0 ? [] : ['', 'The first whose identity would be another:', toTable(before)]),
  ].join('\n');
}

function notes(name: string, { missingIds, missing, sharedValues }: MappedPart): string[] {
  const ids = (first: readonly string[], all: number) =>
    `${first.join(', ')}${all > first.length ? ', …' : ''}`;
  return [
    ...(missing > 0 ? [`Without ${name}: ${ids(missingIds, missing)}`] : []),
    ...sharedValues.map(
      (shared) => `The same ${name}, ${JSON.stringify(shared.value)}: ${ids(shared.ids, shared.users)}`,
    ),
  ];
}

function change(before: Identity | undefined, after: Identity | undefined, part: keyof Identity): string {
  const [was = '-', is = '-'] = [before?.[part], after?.[part]];
  return was === is ? is : `${was} -> ${is}`;
}
