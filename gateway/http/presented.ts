import { createHash } from 'node:crypto';

/** SHA-256 of a secret that a client presents: what the directory compares, so that it never sees the secret. */
export function digestOf(secret: string): Buffer {
  return createHash('sha256').update(secret).digest();
}

/** Whether a text can name a connection; no other is asked about. */
export function isConnectionName(text: string): boolean {
  return /^[a-z0-9]{8,32}$/.test(text);
}
