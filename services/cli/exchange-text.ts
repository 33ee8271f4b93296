import type { Change } from '#proto/rollcall/directory/v1/change_service.ts';
import type { Exchange } from '#proto/rollcall/directory/v1/exchange_service.ts';
import type { Row } from './print.ts';

/** What a list shows of an exchange. */
export function exchangeLine(exchange: Exchange): Row {
  const { id, time, status, durationMs, method, path, repairs } = exchange;
  return {
    id,
    time: time?.toISOString(),
    status: exchange.brokenOff ? `${status} broken off` : status,
    ms: durationMs,
    request: printable(`${method} ${path}`),
    repairs: repairs.join(', '),
    error: printable(errorOf(exchange)),
  };
}

/** An exchange for programs: the fields of the contract, without bodies unless it has them. */
export function exchangeJson({ requestBody, responseBody, ...exchange }: Exchange): object {
  return {
    ...exchange,
    ...(requestBody !== '' && { requestBody }),
    ...(responseBody !== '' && { responseBody }),
  };
}

/** Everything about an exchange, with the changes it made, for people. */
export function exchangeDetails(exchange: Exchange, changes: readonly Change[]): string {
  const { id, time, requestId, tokenId, method, path, baseUrl, status, durationMs } = exchange;
  const { resourceType, resourceId, users, repairs, ignored, masked, position } = exchange;
  const facts: Record<string, string> = {
    exchange: id,
    time: time?.toISOString() ?? '',
    request: `${method} ${path}`,
    'base URL': baseUrl,
    status: `${status}${exchange.brokenOff ? ', broken off' : ''}, after ${durationMs} ms`,
    error: errorOf(exchange),
    repairs: repairs.join(', '),
    ignored: ignored.join(', '),
    masked: masked.join(', '),
    resource: `${resourceType} ${resourceId}`.trim(),
    users: users.join(', '),
    'request id': requestId,
    token: tokenId,
    headers: Object.entries(exchange.headers)
      .map(([name, value]) => `${name}: ${value}`)
      .join('\n'),
    position: position === 0 ? '' : String(position),
    changes: changes.map(changeText).join('\n'),
    sent: bodyText(exchange.requestBody, exchange.requestCut),
    answered: bodyText(exchange.responseBody, exchange.responseCut),
  };
  const shown = Object.entries(facts).filter(([, text]) => text !== '');
  const width = Math.max(...shown.map(([title]) => title.length)) + 2;
  const indent = `\n${' '.repeat(width)}`;
  return shown
    .map(([title, text]) => title.padEnd(width) + text.split('\n').map(printable).join(indent))
    .join('\n');
}

/** A text without what a terminal would take for a command: it may be a stranger's. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '\u{fffd}');
}

/** What an exchange was answered with instead of success; empty for nothing. */
export function errorOf({ scimType, errorDetail }: Exchange): string {
  return [scimType, errorDetail].filter((part) => part !== '').join(': ');
}

/** A body over several lines; as it is when it is cut and therefore no JSON. */
function bodyText(text: string, isCut: boolean): string {
  if (isCut) return `${text} … (the log holds no more)`;
  return text === '' ? '' : JSON.stringify(JSON.parse(text), undefined, 2);
}

function changeText({ position, what }: Change): string {
  if (what?.$case === 'membership') {
    const { groupId, added, removed } = what.value;
    return `${position}: Group ${groupId} has ${added.length} new members and lost ${removed.length}`;
  }
  // An exchange changes users and groups and nothing else.
  if (what?.$case !== 'resource') return String(position);
  const { resourceType, id, action, attributes } = what.value;
  const done = action.replace('RESOURCE_ACTION_', '').toLowerCase();
  const which = attributes.length === 0 ? '' : ` (${attributes.join(', ')})`;
  return `${position}: ${resourceType} ${id} ${done}${which}`;
}
