import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { PageToken } from '#proto/rollcall/internal/v1/page_token.ts';
import { DirectoryError } from '../errors.ts';

/** Seals and opens page tokens: opaque, bound to connection and query, and good for `pageTokenLifetime`. */
export interface PageTokens {
  /** Makes a token for another page of a list. `query` is what `queryDigest` gave. */
  seal(token: Pick<PageToken, 'query'> & Partial<Omit<PageToken, 'issued'>>): string;
  /** Opens a token of the same query. PAGE_TOKEN_INVALID or PAGE_TOKEN_EXPIRED. */
  open(text: string, query: Buffer): PageToken;
}

/** Seconds for which a page token stays good. */
export const pageTokenLifetime: number = 24 * 60 * 60;

const version = 2;
const nonceLength = 12;
const tagLength = 16;

/** The digest that binds a token to its query. */
export function queryDigest(...parts: readonly (string | Uint8Array)[]): Buffer {
  const hash = createHash('sha256');
  for (const part of parts) {
    const bytes = Buffer.from(part);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    hash.update(length).update(bytes);
  }
  return hash.digest();
}

function invalid(): DirectoryError {
  return new DirectoryError(
    ErrorReason.PAGE_TOKEN_INVALID,
    'The page token was not made here, or for another connection or query; start again from the first page.',
  );
}

/** Makes sealer and opener; seals with the first key and opens with any. */
export function createPageTokens(secretKeys: readonly Buffer[], now: () => number): PageTokens {
  const keys = secretKeys.map((key) => Buffer.from(hkdfSync('sha256', key, '', 'rollcall page token', 32)));
  const [current] = keys;
  if (!current) throw new TypeError('page tokens need a secret key');

  function decrypt(key: Buffer, sealed: Buffer): Buffer | undefined {
    const nonce = sealed.subarray(1, 1 + nonceLength);
    const tag = sealed.subarray(sealed.length - tagLength);
    try {
      const decipher = createDecipheriv('aes-256-gcm', key, nonce).setAuthTag(tag);
      return Buffer.concat([
        decipher.update(sealed.subarray(1 + nonceLength, sealed.length - tagLength)),
        decipher.final(),
      ]);
    } catch {
      return undefined;
    }
  }

  return {
    seal(token) {
      const nonce = randomBytes(nonceLength);
      const cipher = createCipheriv('aes-256-gcm', current, nonce);
      const body = PageToken.encode(PageToken.fromPartial({ ...token, issued: now() })).finish();
      const sealed = [Buffer.of(version), nonce, cipher.update(body), cipher.final(), cipher.getAuthTag()];
      return Buffer.concat(sealed).toString('base64url');
    },
    open(text, query) {
      const sealed = Buffer.from(text, 'base64url');
      if (sealed.length < 1 + nonceLength + tagLength || sealed[0] !== version) throw invalid();
      const body = keys.map((key) => decrypt(key, sealed)).find((opened) => opened !== undefined);
      if (!body) throw invalid();
      const token = PageToken.decode(body);
      if (!query.equals(token.query)) throw invalid();
      if (now() - token.issued > pageTokenLifetime * 1_000)
        throw new DirectoryError(
          ErrorReason.PAGE_TOKEN_EXPIRED,
          'The page token is too old; start again from the first page.',
        );
      return token;
    },
  };
}
