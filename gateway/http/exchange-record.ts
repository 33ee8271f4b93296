import type { Context } from 'koa';
import type { Exchange as ExchangeRecord } from '#proto/rollcall/directory/v1/exchange_service.ts';
import { maskTokens } from '../masking/mask-text.ts';
import { maskedAnswer } from '../masking/masked-answer.ts';
import { cutToBytes, type MaskedJson, type MaskOptions, maskedJson } from '../masking/masked-json.ts';
import { maskedUrl } from '../masking/masked-url.ts';
import type { Secrets } from '../masking/secrets.ts';
import { type Exchange, isResourceExchange } from './exchange.ts';
import { usersOf } from './exchange-users.ts';
import type { RequestState } from './request-log.ts';

/** How much of a body is kept, in bytes. */
export const maxBodyBytes: number = 16 * 1_024;
const maxPathBytes = 8 * 1_024;
const maxDetailBytes = 4 * 1_024;
const maxHeaderBytes = 512;
const maxNameBytes = 256;
const maxNames = 100;
const keptHeaders = ['accept', 'content-type', 'if-match', 'if-none-match'] as const;

/** What is known of an exchange beside what its stages know; see the contract's Exchange. */
export type ExchangeFacts = Pick<ExchangeRecord, 'id' | 'durationMs' | 'brokenOff'>;

/** Makes the record of an exchange that is over: what was sent and answered, without its secrets and cut to size. */
export function recordOf(
  http: Context,
  exchange: Exchange,
  facts: ExchangeFacts,
  secrets: Secrets,
): ExchangeRecord {
  const { failure, answerBegin }: RequestState = http.state;
  const presented = /^\S+ +(\S+) *$/.exec(http.get('Authorization'))?.[1] ?? '';
  const kept = (text: string, bytes: number) => cutToBytes(maskTokens(text, presented), bytes);
  const names = (list: Iterable<string>) => {
    const cut = [...list].slice(0, maxNames).map((name) => kept(name, maxNameBytes));
    return [...new Set(cut)];
  };

  const options: MaskOptions = { secrets, presented, maxBytes: maxBodyBytes };
  const url = maskedUrl(belowBase(http.originalUrl), secrets, presented);
  const request = exchange.received ? maskedJson(exchange.received, options) : nothing;
  const response = maskedAnswer(typeof http.body === 'string' ? http.body : (answerBegin ?? ''), options);
  const headers = keptHeaders.map((name) => [name, kept(http.get(name), maxHeaderBytes)] as const);
  const resourceId = idOf(http, exchange);
  return {
    ...facts,
    // Said by the id.
    time: undefined,
    connectionId: exchange.connectionId,
    requestId: kept(exchange.requestId, 64),
    tokenId: kept(exchange.tokenId, 64),
    method: http.method,
    path: cutToBytes(url.text, maxPathBytes),
    baseUrl: kept(exchange.baseUrl, maxHeaderBytes),
    headers: Object.fromEntries(headers.filter(([, value]) => value !== '')),
    status: http.status,
    requestBody: request.text,
    requestCut: request.cut || Buffer.byteLength(url.text) > maxPathBytes,
    responseBody: response.text,
    responseCut: response.cut,
    repairs: names(exchange.repairs),
    ignored: names(exchange.ignored),
    masked: names([...url.names, ...request.names]),
    errorDetail: kept(failure?.message ?? '', maxDetailBytes),
    scimType: failure?.scimType ?? '',
    position: Number(http.res.getHeader('Rollcall-Position') ?? 0),
    resourceType: isResourceExchange(exchange) ? exchange.resourceType.name : '',
    resourceId: kept(resourceId, maxNameBytes),
    users: names(usersOf(exchange, resourceId, secrets)),
  };
}

const nothing: MaskedJson = { text: '', cut: false, names: [] };

function belowBase(url: string): string {
  return url.replace(/^\/scim\/[^/?]*(\/v2(?![^/?]))?/, '');
}

/** The id of the resource, also of one that was created, whose URI the answer names. */
function idOf(http: Context, exchange: Exchange): string {
  if (!isResourceExchange(exchange)) return '';
  if (exchange.id !== '') return exchange.id;
  const location = String(http.res.getHeader('Location') ?? '');
  return location.split('/').at(-1) ?? '';
}
