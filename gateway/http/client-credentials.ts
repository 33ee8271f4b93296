import { limits } from '../limits.ts';
import { invalidClient, OAuthError } from './oauth-error.ts';

/** What a client says to prove who it is. */
export interface ClientCredentials {
  /** The client's id, of at most 64 characters. */
  readonly clientId: string;
  /** Its secret. */
  readonly secret: string;
}

const maxIdLength = 64;

/**
 * Reads the client's credentials from the Authorization header (HTTP Basic) or from the form, not from both (RFC 6749,
 * section 2.3). Throws OAuthError.
 */
export function readClientCredentials(header: string | undefined, form: URLSearchParams): ClientCredentials {
  const fromForm = { clientId: form.get('client_id') ?? '', secret: form.get('client_secret') ?? '' };
  if (header === undefined) return checked(fromForm);
  const fromHeader = checked(readBasic(header));
  const isOther = fromForm.clientId !== '' && fromForm.clientId !== fromHeader.clientId;
  if (fromForm.secret !== '' || isOther) {
    throw new OAuthError(
      'invalid_request',
      'Send the client id and the secret in one place: by HTTP Basic or in the form.',
    );
  }
  return fromHeader;
}

function checked(credentials: ClientCredentials): ClientCredentials {
  const { clientId, secret } = credentials;
  const isPossible = clientId.length <= maxIdLength && secret.length <= limits.tokenLength;
  if (clientId === '' || secret === '' || !isPossible) throw invalidClient();
  return credentials;
}

/** Both parts are form-encoded before they are put together, so that a colon in the id is not one. */
function readBasic(header: string): ClientCredentials {
  const encoded = /^basic +([a-z0-9+/=_-]+) *$/i.exec(header)?.[1];
  if (encoded === undefined) throw invalidClient();
  const text = Buffer.from(encoded, 'base64').toString();
  const colon = text.indexOf(':');
  if (colon < 0) throw invalidClient();
  return { clientId: formDecoded(text.slice(0, colon)), secret: formDecoded(text.slice(colon + 1)) };
}

function formDecoded(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw invalidClient();
  }
}
