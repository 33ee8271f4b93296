import { createHash, randomBytes, randomInt, timingSafeEqual } from 'node:crypto';

const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** A new connection's id: 16 characters of `a-z0-9`. */
export function newConnectionId(): string {
  return randomText(16);
}

/** A new token's id: 12 characters of `a-z0-9`. */
export function newTokenId(): string {
  return randomText(12);
}

/** A new secret of 256 random bits, recognizable by its prefix, and the digest that is stored of it. */
export function newSecret(): { readonly secret: string; readonly digest: string } {
  const secret = `rollcall_${randomBytes(32).toString('base64url')}`;
  return { secret, digest: createHash('sha256').update(secret).digest('hex') };
}

/** Whether a stored digest is that of the secret whose digest was sent; takes the same time either way. */
export function digestEquals(stored: string, sent: Uint8Array): boolean {
  const digest = Buffer.from(stored, 'hex');
  return digest.length === sent.length && timingSafeEqual(digest, sent);
}

function randomText(length: number): string {
  return Array.from({ length }, () => alphabet[randomInt(alphabet.length)]).join('');
}
