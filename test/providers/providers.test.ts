import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { startRollcall, type TestRollcall } from '../support/rollcall.ts';
import { assertAccessAgrees } from './access-agrees.ts';
import { assertExpected, at, fill, providers, readExchangeFile } from './exchange-file.ts';
import { proseChecks } from './prose-checks.ts';
import { providerInputs } from './provider-inputs.ts';
import { sendScim } from './scim-request.ts';

let rollcall: TestRollcall;
before(async () => {
  rollcall = await startRollcall();
});
after(() => rollcall[Symbol.asyncDispose]());

for (const name of providers) {
  const { provider, headers, exchanges } = readExchangeFile(name);
  suite(provider, () => {
    let connection: Awaited<ReturnType<TestRollcall['connect']>>;
    let access: Awaited<ReturnType<TestRollcall['accessFor']>>;
    let variables: Record<string, string>;
    before(async () => {
      connection = await rollcall.connect();
      access = await rollcall.accessFor(connection);
      variables = providerInputs(connection);
    });
    const authorized = () => ({ ...headers, Authorization: `Bearer ${connection.token}` });
    const get = (path: string) => sendScim('GET', `${connection.baseUrl}${path}`, authorized());

    for (const exchange of exchanges) {
      // The exchanges of a provider build upon one another, so that the first failure causes others.
      test(exchange.name, async () => {
        const { method, path, query = {}, headers: own, body } = fill(exchange.request, variables);
        const search = Object.entries(query).map(([key, value]) => `${key}=${encodeURIComponent(value)}`);
        const url = [connection.baseUrl + path, ...(search.length > 0 ? [search.join('&')] : [])].join('?');
        const answer = await sendScim(method, url, { ...authorized(), ...own }, body);
        const { status } = answer;
        assert.ok(exchange.answer.status.includes(status), `${status} ${JSON.stringify(answer.body)}`);

        for (const [variable, pointer] of Object.entries(exchange.capture ?? {})) {
          const captured = at(answer.body, pointer);
          if (captured !== undefined) variables[variable] = String(captured);
        }
        const check = proseChecks[name]?.[exchange.name];
        const expected = fill(exchange.answer, variables);
        assertExpected(expected, answer);
        if (expected.also !== undefined) await check?.({ ...answer, variables, get });
        if (exchange.verify) {
          const verify = fill(exchange.verify, variables);
          const seen = await get(verify.path);
          assertExpected(verify, seen);
          if (verify.also !== undefined) await check?.({ ...seen, variables, get });
        }

        if (method === 'GET' || status >= 300) return;
        const [, type = '', id = String(at(answer.body, '/id'))] = path.replace(/\?.*/, '').split('/');
        const read = await get(`/${type}/${id}`);
        assert.equal(read.status, method === 'DELETE' ? 404 : 200);
        const users = Object.entries(variables).filter(([key]) => /^(user\d?|manager)Id$/.test(key));
        await assertAccessAgrees(
          access,
          connection.id,
          { type, id, resource: method === 'DELETE' ? undefined : read.body },
          users.map(([, user]) => user),
          Number(answer.headers['rollcall-position']),
        );
      });
    }
  });
}
