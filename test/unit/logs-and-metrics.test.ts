import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { createMetrics, serveMetrics } from '#runtime/metrics.ts';

test('the log names its service and never shows a credential', () => {
  const logger = pathToFileURL(join(import.meta.dirname, '../../services/shared/runtime/logger.ts'));
  const script = `
    import { createLogger } from '${logger}';
    const logger = createLogger({ level: 'warn', name: 'gateway' });
    logger.info('below the level');
    const hidden = { authorization: 'hidden', token: 'hidden', secret: 'hidden', password: 'hidden' };
    logger.warn({ ...hidden, headers: hidden, request: { headers: hidden }, connection: 'shown' }, 'refused');`;
  const output = execFileSync(process.execPath, ['--input-type=module', '--eval', script], {
    encoding: 'utf8',
  });
  const lines = output.trim().split('\n');
  assert.equal(lines.length, 1);
  assert.doesNotMatch(output, /hidden/);
  const { name, connection, msg } = JSON.parse(lines[0] ?? '');
  assert.deepEqual({ name, connection, msg }, { name: 'gateway', connection: 'shown', msg: 'refused' });
});

test('metrics are served on /metrics only, and a taken port says which variable to change', async () => {
  const registry = createMetrics();
  await using server = await serveMetrics(registry, { host: '127.0.0.1', port: 0 });
  const answer = await fetch(`http://${server.address}/metrics`);
  assert.equal(answer.headers.get('content-type'), registry.contentType);
  assert.match(await answer.text(), /^process_cpu_user_seconds_total /m);
  assert.equal((await fetch(`http://${server.address}/`)).status, 404);
  const port = Number(server.address.split(':')[1]);
  await assert.rejects(
    serveMetrics(registry, { host: '127.0.0.1', port }),
    /is taken: set ROLLCALL_METRICS_PORT/,
  );
});
