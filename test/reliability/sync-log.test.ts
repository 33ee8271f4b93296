import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net';
import { test } from 'node:test';
import { Registry } from 'prom-client';
import { openDirectoryChannel } from '#rpc/directory-channel.ts';
import { createLogger } from '#runtime/logger.ts';
import { createApp } from '../../gateway/app.ts';
import { createDirectoryClient } from '../../gateway/directory/directory-client.ts';
import { createExchangeRecorder } from '../../gateway/http/exchange-recorder.ts';
import { userBody } from '../scim/scim-fixture.ts';
import { testLogger } from '../support/directory.ts';
import { startRollcall } from '../support/rollcall.ts';
import { scimOf } from '../support/scim-client.ts';

test('requests go on, and memory is bounded, while the sync log is not taken by anybody', async () => {
  await using stack = new AsyncDisposableStack();
  const rollcall = stack.use(await startRollcall());
  // It accepts connections and answers nothing, as a machine does that is out of breath.
  const sockets = new Set<Socket>();
  const silent = createTcpServer((socket) => sockets.add(socket));
  await once(silent.listen(0, '127.0.0.1'), 'listening');
  stack.defer(() => {
    for (const socket of sockets) socket.destroy();
    silent.close();
  });
  const channelTo = (address: string) =>
    openDirectoryChannel(
      { ROLLCALL_DATA_DIR: rollcall.dataDir, ROLLCALL_DIRECTORY_ADDRESS: address },
      'gateway',
      { timeoutMs: 30_000 },
    );
  const directory = createDirectoryClient(stack.use(await channelTo(rollcall.directoryAddress)));
  const silentAddress = `127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const unheard = createDirectoryClient(stack.use(await channelTo(silentAddress)));
  const metrics = new Registry();
  const recorder = createExchangeRecorder({
    send: unheard.recordExchanges,
    isHopeless: () => false,
    logger: createLogger({ level: 'silent', name: 'recorder' }),
    metrics,
  });
  stack.use(recorder);
  const app = createApp({
    directory,
    recorder,
    publicUrl: () => 'https://scim.example.com',
    clientAddress: () => '127.0.0.1',
    rateLimit: 0,
    logger: testLogger('gateway'),
    metrics,
    stopping: new AbortController().signal,
  });
  const handle = app.callback();
  const server = createServer((request, response) => void handle(request, response));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  stack.defer(() => {
    server.closeAllConnections();
    server.close();
  });

  const connection = await rollcall.connect();
  const { port } = server.address() as AddressInfo;
  const scim = scimOf({ ...connection, baseUrl: `http://127.0.0.1:${port}/scim/${connection.id}/v2` });
  const body = userBody({ nickName: 'n'.repeat(20_000), active: 'perhaps' });
  const count = 1_300;
  const left = Array.from({ length: count }, (_, index) => index);
  const client = async () => {
    while (left.pop() !== undefined) assert.equal((await scim('POST', '/Users', body)).status, 400);
  };
  await Promise.all(Array.from({ length: 8 }, client));
  const { values } = (await metrics.getSingleMetric('rollcall_gateway_exchanges_total')?.get()) ?? {};
  const outcomes = Object.fromEntries((values ?? []).map(({ labels, value }) => [labels.outcome, value]));
  assert.deepEqual(Object.keys(outcomes), ['dropped']);
  // Each holds the 16 KiB that are kept of a body, and the queue 16 MiB.
  const held = count - outcomes.dropped;
  assert.ok(held > 900 && held <= 1_024, `${held} are held`);
});
