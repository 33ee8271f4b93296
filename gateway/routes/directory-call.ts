import type { Call } from '../directory/resource-calls.ts';
import type { Exchange } from '../http/exchange.ts';

/** In which connection the directory is asked, and on behalf of which request. */
export function callOf({ connectionId, requestId, signal }: Exchange): Call {
  return { connectionId, requestId, signal };
}
