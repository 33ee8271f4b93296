import { once } from 'node:events';
import type {
  handleServerStreamingCall,
  handleUnaryCall,
  Server,
  ServerUnaryCall,
  ServerWritableStream,
  ServiceDefinition,
  UntypedServiceImplementation,
} from '@grpc/grpc-js';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import type { Logger } from '#runtime/logger.ts';
import type { Caller, CallerCheck } from './caller.ts';
import { RpcError, toServiceError } from './rpc-error.ts';
import type { ServiceFunctions } from './service-functions.ts';

/** What a handler knows about its call besides the request. */
export interface CallContext {
  /** Aborted, with an RpcError of reason DEADLINE_EXCEEDED, when the caller cancels, vanishes or its deadline passes. */
  readonly signal: AbortSignal;
  /** Who calls; its role may make this call. */
  readonly caller: Caller;
  /** The id of the client's request from metadata `rollcall-request-id`; empty when it sent none. */
  readonly requestId: string;
  /** When the caller stops waiting, in milliseconds since the epoch; Infinity when never. */
  readonly deadline: number;
}

/**
 * The functions that serve a generated definition (`ServiceHandlers<typeof UserServiceService>`): an async function for
 * a single answer; an async generator, or anything async iterable, for a stream. What they throw ends the call.
 */
export type ServiceHandlers<Definition extends ServiceDefinition> = ServiceFunctions<
  Definition,
  [call: CallContext]
>;

/** What every service of a server has in common. */
export interface ServiceOptions {
  /** Called first in every call, with the bearer token; what it throws ends the call. */
  readonly authorize: CallerCheck;
  /** The error that a caller may see; undefined when the error is none of those that the interface declares. */
  readonly toRpcError: (error: unknown) => RpcError | undefined;
  /** Gets what undeclared errors hide from callers. */
  readonly logger: Logger;
}

/** Adds a service to a server. An undeclared error becomes INTERNAL without its text, and is logged. */
export function bindService<Definition extends ServiceDefinition>(
  server: Server,
  definition: Definition,
  handlers: ServiceHandlers<Definition>,
  options: ServiceOptions,
): void {
  const implementation: UntypedServiceImplementation = {};
  for (const [name, method] of Object.entries(definition)) {
    const handler: unknown = handlers[name];
    implementation[name] = method.responseStream
      ? serveStream(handler as StreamHandler, options)
      : serveUnary(handler as UnaryHandler, options);
  }
  server.addService(definition, implementation);
}

type UnaryHandler = (request: unknown, call: CallContext) => Promise<unknown>;
type StreamHandler = (request: unknown, call: CallContext) => AsyncIterable<unknown>;
type ServerCall = ServerUnaryCall<unknown, unknown> | ServerWritableStream<unknown, unknown>;

function serveUnary(handler: UnaryHandler, options: ServiceOptions): handleUnaryCall<unknown, unknown> {
  return (call, callback) => {
    void serve(
      call,
      options,
      async (context) => callback(null, await handler(call.request, context)),
      callback,
    );
  };
}

function serveStream(
  handler: StreamHandler,
  options: ServiceOptions,
): handleServerStreamingCall<unknown, unknown> {
  return (call) => {
    const send = async (context: CallContext) => {
      for await (const message of handler(call.request, context)) {
        context.signal.throwIfAborted();
        if (!call.write(message)) await once(call, 'drain', { signal: context.signal });
      }
      call.end();
    };
    void serve(call, options, send, (error) => call.emit('error', error));
  };
}

/** Runs one call from its credential to its end; `fail` sends the status when anything throws. */
async function serve(
  call: ServerCall,
  options: ServiceOptions,
  answer: (context: CallContext) => Promise<void>,
  fail: (error: ReturnType<typeof toServiceError>) => void,
): Promise<void> {
  const controller = new AbortController();
  const abort = () =>
    controller.abort(new RpcError(ErrorReason.DEADLINE_EXCEEDED, 'The caller no longer waits.'));
  const deadline = Number(call.getDeadline());
  // grpc-js tells of a deadline only once it has sent the status, which a reader that has stopped reading holds up.
  const timer = Number.isFinite(deadline) ? setTimeout(abort, deadline - Date.now()) : undefined;
  call.once('cancelled', abort);
  if (call.cancelled) abort();
  try {
    const caller = options.authorize(bearerToken(call), call.getPath());
    const requestId = textMetadata(call, 'rollcall-request-id') ?? '';
    await answer({ signal: controller.signal, caller, requestId, deadline });
  } catch (error) {
    fail(
      toServiceError(
        controller.signal.aborted ? controller.signal.reason : visibleError(error, call, options),
      ),
    );
  } finally {
    clearTimeout(timer);
    call.removeListener('cancelled', abort);
  }
}

function visibleError(error: unknown, call: ServerCall, options: ServiceOptions): RpcError {
  const declared = error instanceof RpcError ? error : options.toRpcError(error);
  if (declared !== undefined && declared.reason !== ErrorReason.INTERNAL) return declared;
  options.logger.error(
    { err: error, method: call.getPath(), requestId: textMetadata(call, 'rollcall-request-id') },
    'A call failed with an error that its interface does not declare',
  );
  return new RpcError(ErrorReason.INTERNAL, 'Something failed inside the directory; its log says what.');
}

function bearerToken(call: ServerCall): string | undefined {
  return /^Bearer +(\S+)$/i.exec(textMetadata(call, 'authorization') ?? '')?.[1];
}

function textMetadata(call: ServerCall, key: string): string | undefined {
  const [value] = call.metadata.get(key);
  return typeof value === 'string' ? value : undefined;
}
