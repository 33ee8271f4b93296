import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { suite } from 'node:test';
import type { TestConnection, TestRollcall } from '../support/rollcall.ts';
import { type ScimAnswer, type ScimClient, scimOf } from '../support/scim-client.ts';

/** The URN of users. */
export const userUrn = 'urn:ietf:params:scim:schemas:core:2.0:User';
/** The URN of groups. */
export const groupUrn = 'urn:ietf:params:scim:schemas:core:2.0:Group';
/** The URN of the enterprise extension. */
export const enterpriseUrn = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

/** A connection of its own to prove rules on. */
export interface Profile {
  /** `strict` keeps to the RFCs; `default` forgives what leniency.ts lists. */
  readonly name: 'strict' | 'default';
  /** Whether it is the strict one. */
  readonly strict: boolean;
  /** The connection. */
  readonly connection: TestConnection;
  /** Sends requests to it. */
  readonly scim: ScimClient;
}

/**
 * Makes one suite of tests on a strict connection and the same on a default one. Where the two differ on purpose a test
 * asks for `strict`; each such rule has its own tests in leniency.test.ts.
 */
export function eachProfile(
  rollcall: TestRollcall,
  what: string,
  tests: (profile: Profile) => void | Promise<void>,
): void {
  for (const name of ['strict', 'default'] as const) {
    suite(`${what}, ${name}`, async () => {
      const strict = name === 'strict';
      const connection = await rollcall.connect({ strict });
      await tests({ name, strict, connection, scim: scimOf(connection) });
    });
  }
}

/** The body of a user with a userName of its own. */
export function userBody(attributes: object = {}): object {
  return { schemas: [userUrn], userName: `${randomUUID()}@example.com`, ...attributes };
}

/** The body of a group with a name of its own. */
export function groupBody(attributes: object = {}): object {
  return { schemas: [groupUrn], displayName: `group ${randomUUID()}`, ...attributes };
}

/** Creates a user and answers it as the server sent it. */
export async function createUser(scim: ScimClient, attributes: object = {}): Promise<ScimAnswer['body']> {
  const { status, body } = await scim('POST', '/Users', userBody(attributes));
  assert.equal(status, 201, JSON.stringify(body));
  return body;
}

/** Creates a group and answers it as the server sent it. */
export async function createGroup(scim: ScimClient, attributes: object = {}): Promise<ScimAnswer['body']> {
  const { status, body } = await scim('POST', '/Groups', groupBody(attributes));
  assert.equal(status, 201, JSON.stringify(body));
  return body;
}

/** The body of a PATCH. */
export function patchBody(...operations: readonly object[]): object {
  return { schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'], Operations: operations };
}

/** Applies operations to a resource and answers it as it is read afterwards. */
export async function patched(
  scim: ScimClient,
  path: string,
  ...operations: readonly object[]
): Promise<ScimAnswer['body']> {
  const { status, body } = await scim('PATCH', path, patchBody(...operations));
  assert.ok(status === 200 || status === 204, `${status} ${JSON.stringify(body)}`);
  return (await scim('GET', path)).body;
}

/** Sends operations that are refused, and checks that nothing of them stayed; gives the error's detail. */
export async function refusePatch(
  scim: ScimClient,
  operations: readonly object[],
  status: number,
  scimType: string,
): Promise<string> {
  const user = await createUser(scim, {
    title: 'before',
    name: { givenName: 'A' },
    emails: [{ value: 'w@example.com', type: 'work' }],
  });
  const operation = { op: 'replace', path: 'title', value: 'after' };
  const answer = await scim('PATCH', `/Users/${user.id}`, patchBody(operation, ...operations));
  assertError(answer, status, scimType);
  assert.deepEqual((await scim('GET', `/Users/${user.id}`)).body, user);
  return answer.body.detail;
}

/** Checks that an answer is a SCIM error (RFC 7644, section 3.12) that says what to change and nothing of our inside. */
export function assertError(answer: ScimAnswer, status: number, scimType?: string): void {
  const { body, headers } = answer;
  assert.equal(answer.status, status, JSON.stringify(body));
  assert.match(headers.get('content-type') ?? '', /^application\/scim\+json/);
  assert.deepEqual(body.schemas, ['urn:ietf:params:scim:api:messages:2.0:Error']);
  assert.equal(body.status, String(status));
  assert.equal(body.scimType, scimType, body.detail);
  assert.ok(body.detail.length > 10, 'a sentence');
  assert.doesNotMatch(JSON.stringify(body), /mongo|grpc|\.ts\b|node_modules|\bat \S*\/\S+:\d|E11000|BSON/i);
}

/** A filter as the query of a URL. */
export function filtered(filter: string): string {
  return `filter=${encodeURIComponent(filter)}`;
}

/** The ids of a list of members or resources, sorted. */
export function ids(list: readonly { id?: string; value?: string }[] | undefined): string[] {
  return (list ?? []).map(({ id, value }) => id ?? value ?? '').sort();
}
