import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newDataFolder, serverPid, startProduct } from '../support/product-process.ts';
import { scimOf } from '../support/scim-client.ts';

test('without its database the product answers 503 in SCIM form, says nothing of drivers, and still stops (error-not-scim)', async () => {
  await using folder = await newDataFolder();
  await using product = await startProduct(folder.path);
  const scim = scimOf(product);
  const schemas = ['urn:ietf:params:scim:schemas:core:2.0:User'];
  const created = await scim('POST', '/Users', { schemas, userName: 'ada' });
  assert.equal(created.status, 201);

  process.kill(await serverPid(folder.path), 'SIGKILL');
  const answers = await Promise.all([
    scim('GET', `/Users/${created.body.id}`),
    scim('GET', '/Users?filter=userName+eq+%22ada%22'),
    scim('POST', '/Users', { schemas, userName: 'bob' }),
    scim('DELETE', `/Users/${created.body.id}`),
  ]);
  for (const { status, headers, body } of answers) {
    assert.equal(status, 503);
    assert.match(headers.get('retry-after') ?? '', /^\d+$/);
    assert.match(headers.get('content-type') ?? '', /^application\/scim\+json/);
    assert.deepEqual(body.schemas, ['urn:ietf:params:scim:api:messages:2.0:Error']);
    assert.equal(body.status, '503');
    assert.doesNotMatch(body.detail, /mongo|ECONN|127\.0\.0\.1|driver/i);
  }
  assert.equal(await product.end('SIGTERM'), 0);
});
