import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { parseAttributeName, parseAttributePath, printAttributePath } from '#scim/attribute-path.ts';
import { AttributeValueError, readAttributeValue } from '#scim/attribute-value.ts';
import { parseDateTime } from '#scim/date-time.ts';
import { parseFilter } from '#scim/filter-parser.ts';
import { printFilter } from '#scim/filter-printer.ts';
import { isJsonObject, type JsonValue } from '#scim/json.ts';
import { createSchemaRegistry, type ResourceType } from '#scim/schema-registry.ts';
import { ScimSyntaxError } from '#scim/scim-syntax-error.ts';
import { createPublicUrl } from '../../gateway/http/public-url.ts';
import { parseTrustedProxies } from '../../gateway/http/trusted-proxies.ts';
import { closeJson } from '../../gateway/masking/close-json.ts';
import { maskedJson } from '../../gateway/masking/masked-json.ts';
import { maskedUrl } from '../../gateway/masking/masked-url.ts';
import { createSecrets } from '../../gateway/masking/secrets.ts';
import { textPieces } from '../../gateway/repairs/text-pieces.ts';
import { readPatchSteps } from '../../gateway/scim/patch-step.ts';
import { createProjection } from '../../gateway/scim/projection.ts';
import { ScimError } from '../../gateway/scim/scim-error.ts';
import { DirectoryError } from '../../services/directory/errors.ts';
import { createPageTokens, queryDigest } from '../../services/directory/mongo/page-token.ts';
import { fuzzBudget } from './fuzz-budget.ts';
import { mutatedJson } from './hostile-json.ts';
import { hostileText, mutated } from './hostile-text.ts';
import { validBody, validFilter, validName, validPatch, validPath } from './valid-scim.ts';

const { resourceTypes } = createSchemaRegistry();

/** What a parser makes of a text; undefined when it refuses it with its own error, at a place in the text. */
function parsed<T>(text: string, parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    assert.ok(error instanceof ScimSyntaxError, String(error));
    assert.ok(error.position >= 1 && error.position <= text.length + 1, `${error.position}`);
    assert.ok(error.message.isWellFormed(), 'the text of the error is Unicode');
    return undefined;
  }
}

/** Any text that begins its life as a valid one. */
function almost(make: (type: ResourceType) => fc.Arbitrary<string>) {
  return fc.oneof(
    ...resourceTypes.map((type) =>
      fc.oneof({ weight: 5, arbitrary: mutated(make(type)) }, hostileText).map((text) => ({ type, text })),
    ),
  );
}

function jsonOf(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

suite('parsers refuse with their own errors, and what they accept means the same when printed', () => {
  test('filters', () => {
    fc.assert(
      fc.property(almost(validFilter), ({ type, text }) => {
        const filter = parsed(text, () => parseFilter(type, text));
        if (filter) assert.deepEqual(parseFilter(type, printFilter(filter)), filter);
      }),
      fuzzBudget(300),
    );
  });

  test('PATCH paths', () => {
    fc.assert(
      fc.property(almost(validPath), ({ type, text }) => {
        const path = parsed(text, () => parseAttributePath(type, text));
        if (path) assert.deepEqual(parseAttributePath(type, printAttributePath(path)), path);
      }),
      fuzzBudget(300),
    );
  });

  test('names of attributes', () => {
    fc.assert(
      fc.property(almost(validName), ({ type, text }) => {
        const path = parsed(text, () => parseAttributeName(type, text));
        if (path) assert.deepEqual(parseAttributeName(type, printAttributePath(path)), path);
        // Names that mean nothing are passed over there.
        createProjection(type, [text], [text]);
      }),
      fuzzBudget(300),
    );
  });

  test('operations of a PATCH', () => {
    fc.assert(
      fc.property(fc.oneof(...resourceTypes.map((type) => mutatedJson(validPatch(type)))), (text) => {
        const body = jsonOf(text);
        fc.pre(isJsonObject(body));
        try {
          for (const [index, step] of readPatchSteps(body).entries()) assert.equal(step.index, index);
        } catch (error) {
          assert.ok(error instanceof ScimError && error.status < 500, String(error));
        }
      }),
      fuzzBudget(300),
    );
  });

  test('values of attributes', () => {
    const bodies = resourceTypes.map((type) =>
      mutatedJson(validBody(type)).map((text) => ({ type, body: jsonOf(text) })),
    );
    fc.assert(
      fc.property(
        fc.oneof(...bodies),
        fc.constantFrom<'ignore' | 'refuse'>('ignore', 'refuse'),
        ({ type, body }, unknown) => {
          fc.pre(body !== undefined);
          // Under an attribute's own name, and under any: then its value is of a wrong type.
          const values = isJsonObject(body) ? Object.entries(body) : [['', body] as const];
          for (const [name, value] of values) {
            const own = type.findAttribute(name);
            for (const attribute of own ? [own] : type.schema.attributes) {
              try {
                const read = readAttributeValue(attribute, value, { unknown });
                if (read === undefined) continue;
                assert.deepEqual(readAttributeValue(attribute, read, { unknown: 'refuse' }), read);
                assert.ok(JSON.stringify(read).isWellFormed());
              } catch (error) {
                assert.ok(error instanceof AttributeValueError, String(error));
              }
            }
          }
        },
      ),
      fuzzBudget(300),
    );
  });

  test('dates', () => {
    const date = fc.date({ noInvalidDate: true }).map((each) => each.toISOString());
    fc.assert(
      fc.property(mutated(date), (text) => {
        const read = parseDateTime(text);
        if (read) assert.equal(parseDateTime(read.toISOString())?.getTime(), read.getTime());
      }),
      fuzzBudget(300),
    );
  });

  test('the pieces in which repairs look at a text', () => {
    fc.assert(
      fc.property(almost(validPath), ({ text }) => {
        assert.equal(textPieces(text).join(''), text);
      }),
      fuzzBudget(300),
    );
  });

  test('page tokens', () => {
    const tokens = createPageTokens([randomBytes(32)], () => 1_000);
    const query = queryDigest('acme1234', 'User', '');
    const token = tokens.seal({ query });
    fc.assert(
      fc.property(mutated(fc.constant(token)), (text) => {
        try {
          tokens.open(text, query);
          // What is no letter of base64url is passed over.
          assert.ok(Buffer.from(text, 'base64url').equals(Buffer.from(token, 'base64url')));
        } catch (error) {
          assert.ok(error instanceof DirectoryError, String(error));
        }
      }),
      fuzzBudget(300),
    );
  });

  test('hosts and proxies', () => {
    const hosts = fc.constantFrom('scim.example.com', '127.0.0.1:8080', '[::1]:80', 'a, b');
    const networks = fc.constantFrom('10.0.0.0/8', '::1', '127.0.0.1,fd00::/8');
    fc.assert(
      fc.property(mutated(hosts), mutated(networks), (host, proxies) => {
        const trusted = parseTrustedProxies(proxies) === undefined ? '' : proxies;
        const publicUrl = createPublicUrl(undefined, trusted);
        const headers = { host, 'x-forwarded-host': host, 'x-forwarded-proto': proxies };
        try {
          const url = publicUrl({ headers, socket: { remoteAddress: '127.0.0.1' } } as never);
          assert.ok(URL.canParse(url), url);
        } catch (error) {
          assert.ok(error instanceof ScimError && error.status === 400, String(error));
        }
      }),
      fuzzBudget(300),
    );
  });

  test('what is written down of a request', () => {
    const secrets = createSecrets(createSchemaRegistry());
    const presented = 'rollcall_0123456789abcdef';
    const hidden = 'correct horse';
    const bodies = fc.oneof(...resourceTypes.map((type) => mutatedJson(validBody(type))));
    const secretName = fc.constantFrom('password', 'PASSWORD', 'client_secret', 'x.apiKey');
    fc.assert(
      fc.property(bodies, secretName, hostileText, fc.nat(600), (text, name, comment, maxBytes) => {
        const body = jsonOf(text);
        fc.pre(isJsonObject(body));
        const sent = {
          ...body,
          comment: `${comment}${presented}${comment}`,
          [name]: [hidden, { [comment]: hidden }],
        };
        const masked = maskedJson(sent, { secrets, presented, maxBytes });
        assert.ok(!masked.text.includes(presented) && !masked.text.includes(hidden), masked.text);
        assert.ok(Buffer.byteLength(masked.text) <= maxBytes);
        const whole = masked.cut ? closeJson(masked.text) : masked.text;
        if (whole !== undefined) JSON.parse(whole);
        const url = `/Users?filter=${encodeURIComponent(`password eq "${hidden}"`)}&${comment}=${presented}`;
        const { text: written } = maskedUrl(url, secrets, presented);
        assert.ok(
          !written.includes(presented) && !written.replaceAll(/%20|\+/g, ' ').includes(hidden),
          written,
        );
      }),
      fuzzBudget(300),
    );
  });
});
