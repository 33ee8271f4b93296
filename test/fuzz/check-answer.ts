import assert from 'node:assert/strict';
import type { FuzzAnswer, FuzzRequest } from './fuzz-request.ts';

/** The keywords of RFC 7644, table 9, and RFC 9865, section 2.4. */
const scimTypes = [
  'invalidFilter',
  'tooMany',
  'uniqueness',
  'mutability',
  'invalidSyntax',
  'invalidPath',
  'noTarget',
  'invalidValue',
  'invalidVers',
  'sensitive',
  'invalidCursor',
  'expiredCursor',
  'invalidCount',
];

/** What an answer did to the connection. */
export type Effect = 'refused' | 'answered';

/**
 * Checks that an answer is one of SCIM: no status of 500 or above, and every error in the form of RFC 7644, section 3.12, with
 * a keyword that is registered, saying what to change and nothing of our inside.
 * @returns whether the request, or each operation of a bulk request, was refused.
 */
export function checkAnswer(request: FuzzRequest, { status, headers, body }: FuzzAnswer): Effect {
  // Nobody is created at `/Me` (RFC 7644, section 3.11), and some methods nothing here has.
  const isOther = /^\/+Me\b/.test(request.path) || !/^(GET|HEAD|POST|PUT|PATCH|DELETE)$/.test(request.method);
  assert.ok(status < 500 || (status === 501 && isOther), `${status} ${JSON.stringify(body)}`);
  if (status < 400) return checkBulkResults(body);
  if (request.method === 'HEAD') return 'refused';
  assert.match(String(headers['content-type']), /^application\/(scim\+)?json/);
  if (status === 401) assert.match(String(headers['www-authenticate']), /^Bearer /);
  checkError(status, body);
  return 'refused';
}

function checkBulkResults(body: unknown): Effect {
  const { schemas, Operations } = (body ?? {}) as { schemas?: unknown; Operations?: readonly BulkResult[] };
  if (!String(schemas).endsWith(':BulkResponse')) return 'answered';
  assert.ok(Operations);
  for (const { status, response } of Operations) {
    assert.match(status, /^[24]\d\d$/, JSON.stringify(response));
    if (status.startsWith('4')) checkError(Number(status), response);
  }
  return Operations.every(({ status }) => status.startsWith('4')) ? 'refused' : 'answered';
}

interface BulkResult {
  readonly status: string;
  readonly response?: unknown;
}

function checkError(status: number, body: unknown): void {
  const { schemas, scimType, detail, status: told } = body as Record<string, unknown>;
  assert.deepEqual([schemas, told], [['urn:ietf:params:scim:api:messages:2.0:Error'], String(status)]);
  assert.ok(typeof detail === 'string' && detail.length > 10, 'a sentence');
  if (status === 400 || scimType !== undefined) assert.ok(scimTypes.includes(String(scimType)), detail);
  assert.doesNotMatch(JSON.stringify(body), /mongo|grpc|node_modules|\\n +at |\.ts:\d|E11000|BSON|RESOURCE_/);
}
