import { reasonCodes } from '#rpc/rpc-error.ts';

/** What the names of all error reasons begin with. */
export const reasonPrefix = 'ERROR_REASON_';

/** The anchor of an error reason in the gRPC reference, by its name without the prefix; undefined for what is none. */
export function reasonAnchor(name: string): string | undefined {
  const isSent = name !== 'UNSPECIFIED' && `${reasonPrefix}${name}` in reasonCodes;
  return isSent ? `reason-${name.toLowerCase()}` : undefined;
}
