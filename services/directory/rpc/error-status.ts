import { RpcError } from '#rpc/rpc-error.ts';
import { DirectoryError } from '../errors.ts';
import { databaseUnavailable, isUnavailable } from '../mongo/database-error.ts';

/** The error a caller may see; undefined for what nobody declared. */
export function toRpcError(error: unknown): RpcError | undefined {
  if (error instanceof DirectoryError) return new RpcError(error.reason, error.message, error.metadata);
  return isUnavailable(error) ? toRpcError(databaseUnavailable()) : undefined;
}
