import { randomBytes, randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type CallerRole, callerRoles, callerToken } from '#rpc/caller.ts';
import { ConfigError } from './config.ts';

/** The keys that caller credentials and page cursors are made from: the first makes new ones, all are accepted. */
export type SecretKeys = readonly [current: Buffer, ...older: Buffer[]];

const minimumBytes = 32;
const keyFile = 'secret.key';
/** The file in the data folder that holds each role's credential. */
const tokenFiles: Readonly<Record<CallerRole, string>> = {
  admin: 'directory.token',
  gateway: 'gateway.token',
  access: 'access.token',
  service: 'service.token',
};

/**
 * Reads `ROLLCALL_SECRET_KEY` (base64 or hex, several separated by commas, the current one first), or else the key in
 * `<dataDir>/secret.key`, which is made when there is none. Throws ConfigError for a key that is malformed or shorter
 * than 32 bytes.
 */
export async function loadSecretKeys(options: {
  readonly secretKey?: string | undefined;
  readonly dataDir: string;
}): Promise<SecretKeys> {
  if (options.secretKey) return parseSecretKeys(options.secretKey, 'ROLLCALL_SECRET_KEY');
  const path = join(options.dataDir, keyFile);
  return parseSecretKeys((await readText(path)) ?? (await createKey(options.dataDir, path)), path);
}

/**
 * Writes the credentials of the CLI, the gateway, the access service and services in other languages into the data folder,
 * each with mode 0600.
 */
export async function writeCallerTokens(dataDir: string, secretKey: Buffer): Promise<void> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  for (const role of callerRoles) {
    const path = join(dataDir, tokenFiles[role]);
    const temporary = await writeBeside(path, callerToken(secretKey, role));
    await rename(temporary, path);
  }
}

/** Reads a credential that `writeCallerTokens` left in the data folder. Throws ConfigError when it is not there. */
export async function readCallerToken(dataDir: string, role: CallerRole): Promise<string> {
  const path = join(dataDir, tokenFiles[role]);
  const token = await readText(path);
  if (token !== undefined) return token.trim();
  throw new ConfigError(
    `No caller credential at ${path}: start the directory with the same ROLLCALL_DATA_DIR first, or set ROLLCALL_DIRECTORY_TOKEN.`,
  );
}

function parseSecretKeys(text: string, source: string): SecretKeys {
  const [current, ...older] = text
    .split(',')
    .map((part, index) => parseSecretKey(part.trim(), index + 1, source));
  if (current === undefined) throw new ConfigError(`${source} holds no key.`);
  return [current, ...older];
}

function parseSecretKey(text: string, number: number, source: string): Buffer {
  const isHex = /^([0-9a-f]{2})+$/i.test(text);
  const isBase64 = /^[A-Za-z0-9+/_-]+={0,2}$/.test(text);
  const key = Buffer.from(isHex || isBase64 ? text : '', isHex ? 'hex' : 'base64');
  if (key.length >= minimumBytes) return key;
  throw new ConfigError(
    `${source}: key ${number} must be base64 or hex of at least ${minimumBytes} bytes, such as \`openssl rand -base64 ${minimumBytes}\` prints.`,
  );
}

async function createKey(dataDir: string, path: string): Promise<string> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  const temporary = await writeBeside(path, randomBytes(minimumBytes).toString('base64'));
  try {
    // Unlike a rename this fails when another process was first, and then both must use that one's key.
    await link(temporary, path);
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
  } finally {
    await rm(temporary);
  }
  return readFile(path, 'utf8');
}

/** Writes a whole file next to `path`, so that moving it there is one step and no reader ever sees half of it. */
async function writeBeside(path: string, text: string): Promise<string> {
  const temporary = `${path}.${randomUUID()}`;
  await writeFile(temporary, `${text}\n`, { mode: 0o600, flag: 'wx', flush: true });
  return temporary;
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
