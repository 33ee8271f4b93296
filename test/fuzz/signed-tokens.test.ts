import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';
import fc from 'fast-check';
import { SetTrustedIssuerRequest } from '#proto/rollcall/directory/v1/connection_service.ts';
import { startRollcall } from '../support/rollcall.ts';
import { startTokenIssuer } from '../support/token-issuer.ts';
import { fuzzBudget } from './fuzz-budget.ts';
import { mutated } from './hostile-text.ts';

const rollcall = await startRollcall();
const idp = await startTokenIssuer();
after(async () => {
  await idp[Symbol.asyncDispose]();
  await rollcall[Symbol.asyncDispose]();
});
const connection = await rollcall.connect();
const { connections } = rollcall.directory;
const audience = 'rollcall';
const applicationId = 'provisioning';
await connections.setTrustedIssuer(
  SetTrustedIssuerRequest.fromPartial({
    connectionId: connection.id,
    issuer: { issuer: idp.issuer, audience, jwksUri: idp.jwksUri, applicationId },
  }),
);
/** The status for a bearer token; too many that are refused from one address are 429. */
async function statusFor(token: string): Promise<number> {
  // The bytes of UTF-8, without those that HTTP forbids in a header.
  const sent = Buffer.from(token)
    .toString('latin1')
    .replace(/[^\t\x20-\x7e\x80-\xff]/g, '');
  const headers = { authorization: `Bearer ${sent}` };
  const response = await fetch(`${connection.baseUrl}/Users?count=0`, { headers });
  await response.bytes();
  return response.status === 429 ? 401 : response.status;
}

suite('whatever signed token is presented, nobody is let in by mistake', () => {
  test('claims that the issuer has signed, of which each may be wrong', async () => {
    const now = Math.floor(Date.now() / 1_000);
    const good = { iss: idp.issuer, aud: audience, appid: applicationId, exp: now + 3_600 };
    const wrong = {
      iss: fc.jsonValue(),
      aud: fc.jsonValue(),
      appid: fc.jsonValue(),
      exp: fc.jsonValue().filter((value) => typeof value !== 'number' || value < now - 60),
    };
    const others = fc.record(
      { nbf: fc.jsonValue(), iat: fc.jsonValue(), sub: fc.jsonValue(), azp: fc.jsonValue() },
      { requiredKeys: [] },
    );
    const some = fc.record(wrong, { requiredKeys: [] });
    const property = fc.asyncProperty(some, others, async (mistakes, more) => {
      const status = await statusFor(await idp.sign({ ...good, ...more, ...mistakes }));
      const isSound = Object.keys(mistakes).length === 0;
      assert.ok(status === 401 || (status === 200 && isSound), `${status}`);
      if (isSound && Object.keys(more).length === 0) assert.equal(status, 200);
    });
    await fc.assert(property, fuzzBudget(60));
  });

  test('text that looks like a signed token', async () => {
    const now = Math.floor(Date.now() / 1_000);
    const token = await idp.sign({ iss: idp.issuer, aud: audience, appid: applicationId, exp: now + 3_600 });
    const [header = '', payload = '', signature = ''] = token.split('.');
    const encoded = (part: string) =>
      mutated(fc.constant(Buffer.from(part, 'base64url').toString())).map((text) =>
        Buffer.from(text).toString('base64url'),
      );
    const altered = fc.oneof(
      fc.tuple(encoded(header), fc.constant(payload), fc.constant(signature)),
      fc.tuple(fc.constant(header), encoded(payload), fc.constant(signature)),
      fc.tuple(encoded(header), encoded(payload), mutated(fc.constant(signature))),
    );
    const property = fc.asyncProperty(altered, async (parts) => {
      const sent = parts.join('.');
      assert.equal(await statusFor(sent), sent === token ? 200 : 401);
    });
    await fc.assert(property, fuzzBudget(60));
  });
});
