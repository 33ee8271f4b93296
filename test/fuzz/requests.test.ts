import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import fc from 'fast-check';
import { createSchemaRegistry, type ResourceType } from '#scim/schema-registry.ts';
import { startRollcall } from '../support/rollcall.ts';
import { fuzzBudget } from './fuzz-budget.ts';
import { type FuzzRequest, rawRequest, sendRaw } from './fuzz-request.ts';
import { createFuzzTarget } from './fuzz-target.ts';
import { mutatedJson } from './hostile-json.ts';
import { hostileText, mutated } from './hostile-text.ts';
import {
  placeholders,
  validBody,
  validBulk,
  validFilter,
  validName,
  validPatch,
  validPath,
  validSearch,
} from './valid-scim.ts';

const rollcall = await startRollcall();
after(() => rollcall[Symbol.asyncDispose]());
const { resourceTypes } = createSchemaRegistry();

/** A strict and a default connection. Each property has its own: when time is up, its last request may still be under way. */
async function createTargets() {
  return {
    strict: await createFuzzTarget(rollcall, true),
    lenient: await createFuzzTarget(rollcall, false),
  };
}

/** Sends random requests to both connections and checks each answer. */
async function answersAll(
  requests: fc.Arbitrary<FuzzRequest>,
  runs: number,
  targets?: Awaited<ReturnType<typeof createTargets>>,
): Promise<void> {
  const { strict, lenient } = targets ?? (await createTargets());
  const property = fc.asyncProperty(fc.constantFrom('strict', 'lenient'), requests, (target, request) =>
    (target === 'strict' ? strict : lenient).check(request),
  );
  await fc.assert(property, fuzzBudget(runs));
}

function perType<T>(make: (type: ResourceType) => fc.Arbitrary<T>): fc.Arbitrary<T> {
  return fc.oneof(...resourceTypes.map(make));
}

/** A URL's path to one resource of a type. */
function pathTo({ name, endpoint }: ResourceType): string {
  return `${endpoint}/${name === 'User' ? placeholders.user : placeholders.group}`;
}

/** Percent-encodes any text; half of a surrogate pair becomes the bytes that UTF-8 forbids. */
function encoded(value: string): string {
  return value.replace(/[^\w.~-]/gsu, (character) =>
    character.isWellFormed() ? encodeURIComponent(character) : '%ED%A0%80',
  );
}

/** Text without what cannot stand in a URL: what is left may be encoded as wrongly as it likes. */
function inUrl(value: string): string {
  return value.replace(/[^!-~]|#/g, '');
}

/** Text as it can stand in a header: its bytes in UTF-8, without those that HTTP forbids there. */
function headerValue(value: string): string {
  return Buffer.from(value)
    .toString('latin1')
    .replace(/[^\t\x20-\x7e\x80-\xff]/g, '');
}

suite('whatever a client sends, it gets an answer of SCIM', () => {
  test('filters', () =>
    answersAll(
      perType((type) =>
        fc
          .tuple(fc.constantFrom(type.endpoint, ''), mutated(validFilter(type)))
          .map(([path, filter]) => ({ method: 'GET', path: `${path}?filter=${encoded(filter)}` })),
      ),
      20,
    ));

  test('names of attributes, and what a list is sorted by', () =>
    answersAll(
      perType((type) => {
        const parameter = fc.tuple(
          fc.constantFrom('attributes', 'excludedAttributes', 'sortBy', 'sortOrder'),
          fc.array(fc.oneof(mutated(validName(type)), fc.constantFrom('ascending', 'DESCENDING')), {
            minLength: 1,
            maxLength: 2,
          }),
        );
        return fc
          .tuple(fc.constantFrom(type.endpoint, pathTo(type), ''), fc.array(parameter, { maxLength: 3 }))
          .map(([path, parameters]) => {
            const query = parameters.map(([name, values]) => `${name}=${encoded(values.join(','))}`);
            return { method: 'GET', path: `${path}?${query.join('&')}` };
          });
      }),
      15,
    ));

  test('pages by index', () => {
    const number = fc.oneof(fc.integer({ min: -3, max: 9 }).map(String), mutated(fc.nat().map(String)));
    const parameters = fc.record(
      { startIndex: number, count: number, sortBy: fc.constantFrom('userName', 'meta.created', 'emails') },
      { requiredKeys: [] },
    );
    return answersAll(
      fc.tuple(fc.constantFrom('/Users', '/Groups', ''), parameters).map(([path, asked]) => {
        const query = Object.entries(asked).map(([name, value]) => `${name}=${encoded(value)}`);
        return { method: 'GET', path: `${path}?${query.join('&')}` };
      }),
      15,
    );
  });

  test('pages by cursor', async () => {
    const targets = await createTargets();
    const pages = [...(await targets.lenient.nextPages()), ...(await targets.strict.nextPages())];
    const requests = mutated(fc.constantFrom(...pages)).map((path) => ({ method: 'GET', path: inUrl(path) }));
    await answersAll(requests, 20, targets);
  });

  test('any query', () =>
    answersAll(
      fc
        .tuple(
          fc.constantFrom('/Users', '/Groups', '/Users/~user~', '/Schemas', '/ServiceProviderConfig', '/Me'),
          mutated(fc.webQueryParameters()),
        )
        .map(([path, query]) => ({
          method: 'GET',
          path: `${path}?${inUrl(query)}`,
        })),
      15,
    ));

  test('bodies of POST and PUT', () =>
    answersAll(
      perType((type) =>
        fc
          .tuple(fc.boolean(), mutatedJson(validBody(type)))
          .map(([isNew, body]) =>
            isNew
              ? { method: 'POST', path: type.endpoint, body }
              : { method: 'PUT', path: pathTo(type), body },
          ),
      ),
      40,
    ));

  test('bodies and paths of PATCH', () => {
    const operation = (type: ResourceType) =>
      fc.record({
        op: fc.constantFrom('add', 'remove', 'replace'),
        path: mutated(validPath(type)),
        value: fc.constantFrom('a', true, null, { value: 'a' }, [{ value: '~user~' }], {}),
      });
    const schemas = ['urn:ietf:params:scim:api:messages:2.0:PatchOp'];
    return answersAll(
      perType((type) =>
        fc
          .oneof(
            mutatedJson(validPatch(type)),
            operation(type).map((one) => JSON.stringify({ schemas, Operations: [one] })),
          )
          .map((body) => ({ method: 'PATCH', path: pathTo(type), body })),
      ),
      50,
    );
  });

  test('bodies of searches', () =>
    answersAll(
      perType((type) =>
        fc
          .tuple(fc.constantFrom(type.endpoint, ''), mutatedJson(validSearch(type)))
          .map(([path, body]) => ({ method: 'POST', path: `${path}/.search`, body })),
      ),
      15,
    ));

  test('bodies of bulk requests', () =>
    answersAll(
      mutatedJson(validBulk(resourceTypes)).map((body) => ({ method: 'POST', path: '/Bulk', body })),
      15,
    ));

  test('bodies that are not text', () =>
    answersAll(
      fc
        .tuple(fc.constantFrom('/Users', '/Groups', '/Users/.search', '/Bulk'), fc.uint8Array())
        .map(([path, body]) => ({ method: 'POST', path, body })),
      12,
    ));

  test('headers', () => {
    const value = (...valid: readonly string[]) => mutated(fc.constantFrom(...valid)).map(headerValue);
    const headers = fc.record(
      {
        'if-match': value('*', 'W/"1"', '"1"', 'W/"1", W/"2"', 'W/"99"'),
        'if-none-match': value('*', 'W/"1"', '"1", "2"'),
        'content-type': value('application/scim+json', 'application/json; charset=utf-8', 'text/plain'),
        'content-encoding': value('identity', 'gzip'),
        accept: value('application/scim+json', 'application/json;q=0.5, */*', 'text/html'),
        prefer: value('respond-async', 'return=minimal'),
        host: value('example.com', '127.0.0.1:1', '[::1]:1'),
        'x-forwarded-host': value('example.com', 'a, b'),
        'x-forwarded-proto': value('https', 'x'),
        'x-http-method-override': value('DELETE'),
        'x-request-id': value('x'),
      },
      { requiredKeys: [], noNullPrototype: true },
    );
    const body = JSON.stringify({
      schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
      Operations: [{ op: 'replace', path: 'displayName', value: 'A' }],
    });
    return answersAll(
      fc.tuple(fc.constantFrom('GET', 'PATCH', 'HEAD'), headers).map(([method, given]) => ({
        method,
        path: method === 'HEAD' ? '/Me' : '/Users/~other~',
        headers: given,
        body: method === 'PATCH' ? body : undefined,
      })),
      20,
    );
  });

  test('credentials', () => {
    const credentials = mutated(fc.constantFrom('Bearer rollcall_x', 'bearer x', 'Basic eDp4', 'Bearer', ''));
    return answersAll(
      fc.tuple(fc.constantFrom('GET', 'PUT', 'DELETE'), credentials).map(([method, authorization]) => ({
        method,
        path: '/Users/~user~',
        headers: { authorization: headerValue(authorization) },
      })),
      15,
    );
  });

  test('methods, and ids and other parts of paths', () => {
    const part = fc.oneof(
      fc.constantFrom('Users', 'Groups', 'Schemas', 'ResourceTypes', 'Me', 'Bulk', '.search', '~user~', ''),
      hostileText.map(encoded),
      mutated(fc.constantFrom('Users', '~group~', '%2e%2e', '%00', 'a%2Fb')).map((text) =>
        inUrl(text).replaceAll('?', ''),
      ),
    );
    const method = fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'OPTIONS', 'TRACE', 'PROPFIND');
    return answersAll(
      fc
        .tuple(method, fc.array(part, { minLength: 1, maxLength: 3 }))
        .map(([each, parts]) => ({ method: each, path: `/${parts.join('/')}` })),
      20,
    );
  });

  test('connections in URLs', async () => {
    const targets = await createTargets();
    const ids = fc.constantFrom(targets.lenient.connection.id, targets.strict.connection.id);
    const requests = mutated(ids).map((id) => ({
      method: 'GET',
      connectionId: encoded(id),
      path: '/Users/~user~',
    }));
    await answersAll(requests, 15, targets);
  });

  test('what is hardly HTTP', async () => {
    const { lenient } = await createTargets();
    const request = mutated(fc.constantFrom('GET', 'POST')).chain((method) =>
      mutated(fc.constant(rawRequest(lenient.connection, method, '{"userName":"a"}'))),
    );
    await fc.assert(
      fc.asyncProperty(request, async (bytes) => {
        const answer = await sendRaw(lenient.connection, bytes);
        assert.match(answer, /^(HTTP\/1\.1 [234]\d\d |$)/);
        await lenient.checkAlive();
      }),
      fuzzBudget(15),
    );
  });
});
