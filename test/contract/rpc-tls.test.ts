import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { ChannelCredentials, status } from '@grpc/grpc-js';
import { GetUserRequest, GetUserResponse } from '#proto/rollcall/directory/v1/user_service.ts';
import { clientCredentials, serverCredentials, type TlsFiles } from '#rpc/tls.ts';
import { createCertificateAuthority } from '../support/certificates.ts';
import { connectUserClient, startUserRpcServer } from '../support/user-rpc-server.ts';

const request = GetUserRequest.fromPartial({ connectionId: 'demo1234', id: 'a' });

suite('mutual TLS', () => {
  let folder = '';
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'rollcall-tls-'));
  });
  after(() => rm(folder, { recursive: true }));

  /** Writes the files of one service that trusts `authority` and is known by a certificate of `issuer`. */
  async function tlsFiles(
    service: string,
    authority: ReturnType<typeof createCertificateAuthority>,
    issuer = authority,
  ): Promise<TlsFiles> {
    const { cert, key } = issuer.issue();
    const files = { cert, key, clientCa: authority.cert };
    const paths = Object.entries(files).map(
      ([name]) => [name, join(folder, `${service}.${name}.pem`)] as const,
    );
    for (const [name, path] of paths) await writeFile(path, files[name as keyof typeof files]);
    return Object.fromEntries(paths);
  }

  test('lets in who shows a certificate of the authority, and nobody else', async () => {
    const authority = createCertificateAuthority();
    const credentials = await serverCredentials('127.0.0.1', await tlsFiles('directory', authority));
    await using server = await startUserRpcServer(
      { getUser: async ({ id }) => GetUserResponse.fromPartial({ user: { id } }) },
      { credentials },
    );

    const good = await clientCredentials(server.address, await tlsFiles('gateway', authority));
    using users = connectUserClient(server, { credentials: good });
    assert.equal((await users.getUser(request)).user?.id, 'a');

    const stranger = await tlsFiles('stranger', authority, createCertificateAuthority());
    const refused = {
      'a certificate of another authority': await clientCredentials(server.address, stranger),
      'no certificate': ChannelCredentials.createSsl(Buffer.from(authority.cert)),
      'no TLS': ChannelCredentials.createInsecure(),
    };
    for (const [what, credentials] of Object.entries(refused)) {
      using client = connectUserClient(server, { credentials });
      await assert.rejects(client.getUser(request), { code: status.UNAVAILABLE }, what);
    }
  });

  test('is demanded off loopback', async () => {
    for (const host of ['0.0.0.0', '::', '10.0.0.1', 'directory.example.com', '127.example.com']) {
      const message = new RegExp(
        `^gRPC on ${host}, which is not loopback, needs mutual TLS: set ROLLCALL_TLS_CERT`,
      );
      await assert.rejects(serverCredentials(host, {}), { name: 'ConfigError', message });
      const address = host.includes(':') ? `[${host}]:50051` : `${host}:50051`;
      await assert.rejects(clientCredentials(address, {}), { name: 'ConfigError', message });
    }
  });

  test('is not needed on loopback', async () => {
    for (const host of ['127.0.0.1', '127.0.0.2', '::1', 'localhost']) {
      assert.equal((await serverCredentials(host, {}))._isSecure(), false);
      const address = host.includes(':') ? `[${host}]:50051` : `${host}:50051`;
      assert.equal((await clientCredentials(address, {}))._isSecure(), false);
    }
  });

  test('is configured with all three files that can be read', async () => {
    await assert.rejects(serverCredentials('127.0.0.1', { cert: 'cert.pem' }), {
      name: 'ConfigError',
      message: 'Set all of ROLLCALL_TLS_CERT, ROLLCALL_TLS_KEY and ROLLCALL_TLS_CLIENT_CA, or none of them.',
    });
    const missing = join(folder, 'missing.pem');
    await assert.rejects(serverCredentials('127.0.0.1', { cert: missing, key: missing, clientCa: missing }), {
      name: 'ConfigError',
      message: `Cannot read ${missing}: the ROLLCALL_TLS_* variables name PEM files that this process may read.`,
    });
  });
});
