import {
  type Connection,
  ConnectionStatus,
  GetConnectionRequest,
} from '#proto/rollcall/directory/v1/connection_service.ts';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { type ProviderName, providerName } from '#rpc/provider-name.ts';
import { RpcError } from '#rpc/rpc-error.ts';
import type { DirectoryClient } from './directory-client.ts';
import { connectionProcedure, freshness, queryInput, router } from './trpc.ts';

/** A customer's directory. */
export interface ConnectionAnswer {
  /** Names it. */
  id: string;
  /** A name for people. */
  name: string;
  /** The identity provider that feeds it. */
  provider: ProviderName;
  /** Whether the identity provider is held to RFC 7643 and 7644 to the letter. */
  strict: boolean;
  /** `paused`: the identity provider's requests are refused until an operator resumes it. */
  status: 'active' | 'paused';
  /** When it was created, in RFC 3339 form. */
  created: string;
  /** How many users it has. */
  users: number;
  /** How many groups it has. */
  groups: number;
}

/** `connections.get`. */
export function createConnectionsRouter(directory: DirectoryClient) {
  return router({
    /**
     * The connection itself. Fails with CONNECTION_NOT_FOUND.
     * @example
     * const { name, status, users } = (await rollcall.connections.get.query({ connection })).connection;
     */
    get: connectionProcedure
      .input(queryInput({}))
      .query(async ({ ctx, input }): Promise<{ connection: ConnectionAnswer; asOf: number }> => {
        const request = GetConnectionRequest.fromPartial({
          connectionId: ctx.connection,
          freshness: freshness(input),
        });
        const { connection } = await directory.connections.getConnection(request, ctx.call);
        if (connection === undefined) throw new Error('The directory answered without the connection');
        const { position, status } = connection;
        if (status === ConnectionStatus.DELETING) {
          throw new RpcError(ErrorReason.CONNECTION_NOT_FOUND, 'No connection has this id.', {
            connection: ctx.connection,
          });
        }
        return { connection: connectionAnswer(connection), asOf: position };
      }),
  });
}

function connectionAnswer(connection: Connection): ConnectionAnswer {
  const { id, name, provider, strict, status, created, users, groups } = connection;
  return {
    id,
    name,
    provider: providerName(provider),
    strict,
    status: status === ConnectionStatus.PAUSED ? 'paused' : 'active',
    created: created?.toISOString() ?? '',
    users,
    groups,
  };
}
