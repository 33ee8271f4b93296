import type { Exchange as ExchangeRecord } from '#proto/rollcall/directory/v1/exchange_service.ts';

/** Why an exchange cannot be replayed, for people; undefined when it can. */
export function replayObstacle(exchange: ExchangeRecord): string | undefined {
  const { method, path, requestBody, requestCut } = exchange;
  const [place = ''] = path.split('?');
  if (method === 'GET' || method === 'HEAD' || place.endsWith('/.search')) {
    return `A ${place.endsWith('/.search') ? 'search' : method} changes nothing, so that there is nothing to replay; send it again to see what it is answered now.`;
  }
  if (place === '/oauth/token') {
    return 'A request for an access token changes no user and no group, so that there is nothing to replay.';
  }
  if (requestCut) {
    return 'The log holds only the beginning of this request, which was too long; it cannot be replayed.';
  }
  if (method !== 'DELETE' && requestBody === '') {
    return 'The log holds no body of this request: what was sent was not read, or was not a JSON object. It cannot be replayed.';
  }
  return undefined;
}
