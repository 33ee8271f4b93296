import { ExportResponse } from '#proto/rollcall/directory/v1/change_service.ts';
import type { ExportPlace, ReadExport } from '../export.ts';
import { type PageTokens, queryDigest } from '../mongo/page-token.ts';
import { placeFromMessage, placeToMessage } from '../mongo/place-message.ts';
import { createSubjectParts } from './subject-part.ts';

/** Which page of an export. */
export interface ExportPageRequest {
  /** The connection. */
  readonly connection: string;
  /** How many resources and members at most. */
  readonly limit: number;
  /** Names the page; empty for the first. */
  readonly pageToken: string;
}

/** Answers a page of an export. PAGE_TOKEN_INVALID, PAGE_TOKEN_EXPIRED, CONNECTION_NOT_FOUND. */
export async function* exportPage(
  readExport: ReadExport,
  pageTokens: PageTokens,
  { connection, limit, pageToken }: ExportPageRequest,
  signal: AbortSignal,
): AsyncIterable<ExportResponse> {
  const query = queryDigest('export', connection);
  const opened = pageToken === '' ? undefined : pageTokens.open(pageToken, query);
  const place = opened?.place && placeFromMessage(opened.place);
  const start = { place, members: opened && membersFromText(opened.afterId) };
  const page = await readExport(connection, start, limit, signal);
  const position = opened?.position ?? page.head.position;
  const nextPageToken = page.next
    ? pageTokens.seal({
        query,
        position,
        place: page.next.place && placeToMessage(page.next.place),
        afterId: membersToText(page.next.members),
      })
    : '';
  yield ExportResponse.fromPartial({ part: { $case: 'header', value: { position, nextPageToken } } });
  const partOf = createSubjectParts(page.head);
  for (const item of page.items) {
    if (item.kind === 'members') {
      const members = item.edges.map(({ member, kind }) => ({ value: member, type: kind }));
      const value = { groupId: item.group, chunk: { members } };
      yield ExportResponse.fromPartial({ part: { $case: 'members', value } });
    } else yield partOf(item);
  }
}

function membersToText(members: ExportPlace['members']): string {
  return members ? `${members.group}/${members.after}` : '';
}

function membersFromText(text: string): ExportPlace['members'] {
  const [group = '', after = ''] = text.split('/');
  return group === '' ? undefined : { group, after };
}
