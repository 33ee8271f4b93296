import { readFile } from 'node:fs/promises';
import { isIPv4 } from 'node:net';
import { ChannelCredentials, ServerCredentials } from '@grpc/grpc-js';
import { ConfigError } from '#runtime/config.ts';

/** Paths of the PEM files for mutual TLS between services: all three or none. */
export interface TlsFiles {
  /** The certificate chain that this process shows, `ROLLCALL_TLS_CERT`. */
  readonly cert?: string | undefined;
  /** Its private key, `ROLLCALL_TLS_KEY`. */
  readonly key?: string | undefined;
  /** The authority whose certificates it accepts of the other side, `ROLLCALL_TLS_CLIENT_CA`. */
  readonly clientCa?: string | undefined;
}

/**
 * Credentials to listen on `host`: mutual TLS when files are given, none on loopback. Throws ConfigError off loopback
 * without files, and for a file that is missing.
 */
export async function serverCredentials(host: string, files: TlsFiles): Promise<ServerCredentials> {
  const tls = await readTlsFiles(host, files);
  if (tls === undefined) return ServerCredentials.createInsecure();
  return ServerCredentials.createSsl(tls.ca, [{ cert_chain: tls.cert, private_key: tls.key }], true);
}

/** Credentials to call the server at `address` (`host:port`), by the same rule as `serverCredentials`. */
export async function clientCredentials(address: string, files: TlsFiles): Promise<ChannelCredentials> {
  const tls = await readTlsFiles(address.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1'), files);
  if (tls === undefined) return ChannelCredentials.createInsecure();
  return ChannelCredentials.createSsl(tls.ca, tls.key, tls.cert);
}

async function readTlsFiles(host: string, { cert, key, clientCa }: TlsFiles) {
  if (cert && key && clientCa) {
    return { cert: await readPem(cert), key: await readPem(key), ca: await readPem(clientCa) };
  }
  if (cert || key || clientCa) {
    throw new ConfigError(
      'Set all of ROLLCALL_TLS_CERT, ROLLCALL_TLS_KEY and ROLLCALL_TLS_CLIENT_CA, or none of them.',
    );
  }
  if (isLoopback(host)) return undefined;
  throw new ConfigError(
    `gRPC on ${host}, which is not loopback, needs mutual TLS: set ROLLCALL_TLS_CERT, ROLLCALL_TLS_KEY and ROLLCALL_TLS_CLIENT_CA.`,
  );
}

async function readPem(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch {
    throw new ConfigError(
      `Cannot read ${path}: the ROLLCALL_TLS_* variables name PEM files that this process may read.`,
    );
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}
