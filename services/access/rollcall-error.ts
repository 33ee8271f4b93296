import { TRPCClientError } from '@trpc/client';
import type { AccessErrorShape } from './trpc-errors.ts';

/** What Rollcall said of a call that rejected; undefined when the error is another (no answer, a proxy's answer). */
export function rollcallError(error: unknown): AccessErrorShape['data'] | undefined {
  if (!(error instanceof TRPCClientError)) return undefined;
  const data: unknown = error.data;
  return isErrorData(data) ? data : undefined;
}

function isErrorData(data: unknown): data is AccessErrorShape['data'] {
  return typeof data === 'object' && data !== null && 'reason' in data && 'metadata' in data;
}
