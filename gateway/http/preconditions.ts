import type { ResourceExchange } from './exchange.ts';

/** What the client knows about the version of the resource (RFC 9110, section 13). */
export interface Precondition {
  /** Versions of which a write needs one; `*` needs only that the resource exists. Absent without If-Match. */
  readonly ifMatch?: readonly string[] | '*' | undefined;
  /** Versions for which a read is answered with 304. Absent without If-None-Match. */
  readonly ifNoneMatch?: readonly string[] | '*' | undefined;
}

/**
 * Stage: reads If-Match and If-None-Match. Tags are compared weakly in both, because SCIM clients send the weak tags that
 * they were given (RFC 7644, section 3.14).
 */
export function readPrecondition(exchange: ResourceExchange): void {
  const { headers } = exchange.http.req;
  exchange.precondition = {
    ifMatch: readTags(headers['if-match']),
    ifNoneMatch: readTags(headers['if-none-match']),
  };
}

/** Whether a precondition names a version. */
export function namesVersion(tags: Precondition['ifMatch'], version: string): boolean {
  return tags === '*' || (tags?.includes(version) ?? false);
}

/** A version as an entity tag: weak, since two representations of one version need not be the same bytes. */
export function entityTag(version: string): string {
  return `W/"${version}"`;
}

/** The tags of a header such as If-Match; undefined when there is no such header. */
export function readTags(header: string | undefined): readonly string[] | '*' | undefined {
  if (header === undefined) return undefined;
  if (header.trim() === '*') return '*';
  return [...header.matchAll(/(?:W\/)?"([^"]*)"/g)].map(([, tag = '']) => tag);
}
