import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { RpcError } from '#rpc/rpc-error.ts';
import type { JsonObject } from '#scim/json.ts';
import type { DirectoryClient } from '../directory/directory-client.ts';
import { readClientCredentials } from '../http/client-credentials.ts';
import type { Exchange, Stage } from '../http/exchange.ts';
import { invalidClient, OAuthError, toOAuthError } from '../http/oauth-error.ts';
import { digestOf, isConnectionName } from '../http/presented.ts';
import type { RateLimit } from '../http/rate-limit.ts';
import { readForm } from '../http/read-form.ts';
import type { FailureReport } from '../http/report-errors.ts';
import { maskedText } from '../masking/mask-text.ts';

/**
 * Makes the stage that gives a client an access token for its id and secret, and answers: the client credentials grant
 * of OAuth 2.0 (RFC 6749, section 4.4). A scope is not looked at, for what a client may do is settled where it is made.
 */
export function createAccessTokenStage(
  directory: DirectoryClient,
  report: FailureReport,
  countFailure: RateLimit['countFailure'],
): Stage {
  async function grant(exchange: Exchange): Promise<object> {
    const form = await readForm(exchange);
    exchange.received = toBeLogged(form);
    const grantType = form.get('grant_type');
    if (grantType === null) throw new OAuthError('invalid_request', 'Send grant_type=client_credentials.');
    if (grantType !== 'client_credentials') {
      throw new OAuthError('unsupported_grant_type', 'The only grant_type here is client_credentials.');
    }
    const { req } = exchange.http;
    const { clientId, secret } = readClientCredentials(req.headers.authorization, form);
    // Also where it came in a header, which is not logged.
    exchange.received = { ...exchange.received, client_id: clientId };
    if (!isConnectionName(exchange.connectionId)) throw invalidClient();
    const issued = await issueTo(exchange, clientId, secret);
    return { access_token: issued.accessToken, token_type: 'Bearer', expires_in: issued.expiresIn };
  }

  /** Issues an access token; a client whose secret is right is known from then on, whatever it is answered. */
  async function issueTo(exchange: Exchange, clientId: string, secret: string) {
    const know = () => Object.assign(exchange, { sender: 'known', tokenId: clientId });
    try {
      const issued = await directory.issueAccessToken(exchange.connectionId, clientId, digestOf(secret));
      know();
      return issued;
    } catch (error) {
      // Only a client with the right secret is told that.
      if (error instanceof RpcError && error.reason === ErrorReason.CONNECTION_PAUSED) know();
      throw error;
    }
  }

  /** What the client is told; too many failures from one address are told something else. */
  async function refusal(error: unknown, exchange: Exchange): Promise<OAuthError> {
    const { requestId } = exchange;
    const answer = error instanceof OAuthError ? error : toOAuthError(report(error, requestId));
    if (answer.status !== 401) return answer;
    try {
      await countFailure(exchange);
      return answer;
    } catch (tooMany) {
      return toOAuthError(report(tooMany, requestId));
    }
  }

  return async (exchange) => {
    const { http } = exchange;
    http.set({ 'Cache-Control': 'no-store', Pragma: 'no-cache' });
    http.type = 'application/json';
    if (isConnectionName(exchange.connectionId)) exchange.sender = 'claimant';
    try {
      http.body = JSON.stringify(await grant(exchange));
    } catch (error) {
      const { status, code, message, headers } = await refusal(error, exchange);
      http.state.failure = { message, scimType: code };
      http.status = status;
      http.set(headers);
      http.body = JSON.stringify({ error: code, error_description: message });
    }
  };
}

const harmless: readonly string[] = ['grant_type', 'client_id', 'scope'];

/** A form without what may prove something: secrets, assertions, and whatever else a client thinks of. */
function toBeLogged(form: URLSearchParams): JsonObject {
  return Object.fromEntries(
    [...form].map(([name, value]) => [name, harmless.includes(name) ? value : maskedText]),
  );
}
