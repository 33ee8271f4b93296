import assert from 'node:assert/strict';
import type { ScimAnswer, ScimClient } from '../support/scim-client.ts';
import { userUrn } from './scim-fixture.ts';

/** The URN of a bulk request. */
export const bulkRequestUrn = 'urn:ietf:params:scim:api:messages:2.0:BulkRequest';

/** An operation of a bulk request; tests send what is wrong with one too. */
export type Operation = Readonly<Record<string, unknown>>;

/** The body of a bulk request. */
export function bulkBody(operations: readonly unknown[], rest: object = {}): object {
  return { schemas: [bulkRequestUrn], ...rest, Operations: operations };
}

/** Sends a bulk request that is processed, and answers its results after checking what every one of them must have. */
export async function bulk(
  scim: ScimClient,
  operations: readonly unknown[],
  rest: object = {},
): Promise<ScimAnswer['body'][]> {
  const answer = await scim('POST', '/Bulk', bulkBody(operations, rest));
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  assert.match(answer.headers.get('content-type') ?? '', /^application\/scim\+json/);
  assert.deepEqual(answer.body.schemas, ['urn:ietf:params:scim:api:messages:2.0:BulkResponse']);
  for (const result of answer.body.Operations) {
    assert.equal(typeof result.status, 'string');
    if (/^2/.test(result.status)) assert.equal(result.response, undefined);
    else assertPartError(result, result.status);
  }
  return answer.body.Operations;
}

/** Checks that the result of one operation is an error. */
export function assertPartError(result: ScimAnswer['body'], status: string, scimType?: string): void {
  const { response } = result;
  assert.equal(result.status, status, JSON.stringify(result));
  assert.deepEqual(response.schemas, ['urn:ietf:params:scim:api:messages:2.0:Error']);
  assert.equal(response.status, status);
  if (scimType !== undefined) assert.equal(response.scimType, scimType, response.detail);
  assert.ok(response.detail.length > 10, 'a sentence');
  assert.equal(result.version, undefined);
}

/** The statuses of results. */
export function statusesOf(results: readonly { readonly status: string }[]): string[] {
  return results.map(({ status }) => status);
}

/** An operation that creates a user. */
export function postUser(bulkId: string, data: object): Operation {
  return { method: 'POST', path: '/Users', bulkId, data };
}

/** An operation that creates a group. */
export function postGroup(bulkId: string, data: object): Operation {
  return { method: 'POST', path: '/Groups', bulkId, data };
}

/** What follows a connection's base URL in a location. */
export function pathOf({ location }: { readonly location: string }): string {
  return new URL(location).pathname.replace(/.*\/v2/, '');
}

/** An operation that fails: it creates a user without a userName. */
export function badUser(bulkId: string): Operation {
  return postUser(bulkId, { schemas: [userUrn] });
}

/** How many users, or other resources, a connection has. */
export async function countOf(scim: ScimClient, path = '/Users'): Promise<number> {
  return (await scim('GET', `${path}?count=0`)).body.totalResults;
}
