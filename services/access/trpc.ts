import { initTRPC } from '@trpc/server';
import { z } from 'zod';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import type { Freshness } from '#proto/rollcall/directory/v1/reads.ts';
import { RpcError } from '#rpc/rpc-error.ts';
import type { QueryRecorder } from './query-metrics.ts';
import type { ServiceAccess, ServiceTokenCheck } from './service-tokens.ts';
import { formatTrpcError, toTrpcError } from './trpc-errors.ts';

/** What every procedure knows of its request. */
export interface AccessContext {
  /** The `Authorization` header. */
  readonly authorization: string | undefined;
  /** The caller's `X-Request-Id`, or one made for it. */
  readonly requestId: string;
  /** Says what the token in `authorization` opens. */
  readonly checkServiceToken: ServiceTokenCheck;
  /** Gets every query that named a procedure. */
  readonly recordQuery: QueryRecorder;
  /** Aborted when the service stops. */
  readonly stopping: AbortSignal;
}

const connectionId = z
  .string()
  .regex(/^[a-z0-9]{8,32}$/, 'a connection id has 8 to 32 characters of a-z and 0-9');

const namesConnection = z.object({ connection: connectionId });

const readFields = {
  /** The connection to read from. */
  connection: connectionId,
  /** The answer shows this position or a later one, such as a `Rollcall-Position` header or another answer's `asOf`. */
  atLeast: z.int().nonnegative().optional(),
  /** The answer shows every write that was acknowledged anywhere before the call. */
  fresh: z.boolean().optional(),
};

/** The input of what is no query of the present state: the `connection` and the given fields; others are refused. */
export function connectionInput<Fields extends z.ZodRawShape>(fields: Fields) {
  return z.strictObject({ connection: connectionId, ...fields });
}

/** The input of a query: what every query has (`connection`, `atLeast`, `fresh`) and the given fields; others are refused. */
export function queryInput<Fields extends z.ZodRawShape>(fields: Fields) {
  return z.strictObject({ ...readFields, ...fields });
}

/** The currency that a query asks for. */
export function freshness(input: { atLeast?: number | undefined; fresh?: boolean | undefined }): Freshness {
  return { atLeast: input.atLeast, fresh: input.fresh ?? false };
}

const t = initTRPC.context<AccessContext>().create({
  isDev: false,
  errorFormatter: ({ error, path }) => formatTrpcError({ error, path }),
  // Heartbeats come several times a second: without any the way to the directory is broken, and another may be open.
  sse: { client: { reconnectAfterInactivityMs: 5_000 } },
});

/** Makes a router. */
export const { router } = t;

/**
 * A procedure for holders of a service token that opens the `connection` its input names; the resolver gets it as
 * `ctx.connection`, `ctx.call` for its calls to the directory, and `ctx.checkAccess`, by which what goes on for long makes
 * sure that the token still opens the connection. What resolvers throw gets its code here.
 */
export const connectionProcedure = t.procedure.use(async ({ ctx, getRawInput, path, next, signal }) => {
  const started = performance.now();
  let outcome = 'ok';
  try {
    const access = await ctx.checkServiceToken(ctx.authorization);
    const { connection } = namesConnection.parse(await getRawInput());
    requireOpen(access, connection, path);
    const checkAccess = async () =>
      requireOpen(await ctx.checkServiceToken(ctx.authorization), connection, path);
    const call = { signal, requestId: ctx.requestId };
    const result = await next({ ctx: { connection, call, checkAccess } });
    if (!result.ok) throw result.error;
    return result;
  } catch (thrown) {
    const error = toTrpcError(thrown);
    outcome = error.code;
    throw error;
  } finally {
    ctx.recordQuery(path, outcome, (performance.now() - started) / 1_000);
  }
});

function requireOpen(access: ServiceAccess, connection: string, method: string): void {
  if (access.opens(connection)) return;
  throw new RpcError(
    ErrorReason.CALLER_FORBIDDEN,
    `This service token does not open the connection ${connection}: create one that names it.`,
    { role: 'service', method },
  );
}
