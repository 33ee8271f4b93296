import type { ResourceExchange } from '../http/exchange.ts';
import { ScimError } from '../scim/scim-error.ts';

/**
 * Stage: for `/Me` takes the user on whose behalf the token is used; what follows is the same as at the user's own URL,
 * which the answer's Location names (RFC 7644, section 3.11). Throws ScimError 501 for a token without a user.
 */
export function readAlias(exchange: ResourceExchange): void {
  if (exchange.id !== '') return;
  if (exchange.userId === '') throw noUser();
  exchange.id = exchange.userId;
}

/** Stage: refuses to create what `/Me` stands for, which is there or is not. Throws ScimError 501. */
export function refuseCreation(): never {
  throw new ScimError(501, 'A user is not created at /Me; send it to /Users.');
}

function noUser(): ScimError {
  return new ScimError(
    501,
    'This token is used on behalf of no user, so that /Me is nobody. Use /Users/{id}, or a token made for a user.',
  );
}
