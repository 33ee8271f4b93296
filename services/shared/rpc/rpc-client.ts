import {
  type ChannelCredentials,
  Client,
  Metadata,
  type MethodDefinition,
  type ServiceDefinition,
} from '@grpc/grpc-js';
import { callCancelled, fromServiceError, type RpcError } from './rpc-error.ts';
import type { ServiceFunctions } from './service-functions.ts';
import { keepalive, maximumRequestBytes, maximumResponseBytes, withoutChannelz } from './transport-limits.ts';

/** Where a channel leads and how its calls behave. */
export interface RpcChannelOptions {
  /** `host:port` of the server. */
  readonly address: string;
  /** How the channel is secured. */
  readonly credentials: ChannelCredentials;
  /** Sent with every call as `authorization: Bearer <token>`. */
  readonly token: string;
  /** How long a call may take when it does not say, in milliseconds. */
  readonly timeoutMs: number;
  /** Methods that may be sent again, up to twice, when the server or its database was not there; reads only. */
  readonly retry?: readonly { readonly path: string }[];
}

/** A connection to one server that any number of clients share. It connects with the first call; disposing closes it. */
export interface RpcChannel extends Disposable {
  /** Makes the calls. */
  readonly client: Client;
  /** See RpcChannelOptions.token. */
  readonly token: string;
  /** See RpcChannelOptions.timeoutMs. */
  readonly timeoutMs: number;
}

/** What one call may say. */
export interface CallOptions {
  /** Cancels the call when aborted: it rejects with an RpcError of code CANCELLED. */
  readonly signal?: AbortSignal | undefined;
  /** How long the whole call may take, in milliseconds, Infinity for no limit; the channel's when absent. */
  readonly timeoutMs?: number | undefined;
  /** The id of the request that this call serves, for logs: printable ASCII. */
  readonly requestId?: string | undefined;
}

/**
 * A function per method of a generated definition. Requests are whole messages: build them with the message's
 * `fromPartial`. Everything rejects with RpcError. A stream makes a new call each time it is iterated, reads no faster
 * than its consumer, and leaving it early cancels the call.
 */
export type RpcClient<Definition extends ServiceDefinition> = ServiceFunctions<
  Definition,
  [options?: CallOptions]
>;

/** Opens a channel. It never fails itself: calls reject while the server is not there. */
export function createRpcChannel(options: RpcChannelOptions): RpcChannel {
  const client = new Client(options.address, options.credentials, {
    'grpc.max_send_message_length': maximumRequestBytes,
    'grpc.max_receive_message_length': maximumResponseBytes,
    // The defaults wait up to two minutes before looking again for a server that was restarted.
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 1_000,
    ...keepalive,
    ...withoutChannelz,
    'grpc.service_config': JSON.stringify(retryConfig(options.retry ?? [])),
  });
  return {
    client,
    token: options.token,
    timeoutMs: options.timeoutMs,
    [Symbol.dispose]: () => client.close(),
  };
}

/** Makes a client of one service over a channel. */
export function createRpcClient<Definition extends ServiceDefinition>(
  definition: Definition,
  channel: RpcChannel,
): RpcClient<Definition> {
  const methods = Object.entries(definition).map(([name, method]) => [
    name,
    method.responseStream ? streamCall(channel, method) : unaryCall(channel, method),
  ]);
  return Object.fromEntries(methods);
}

type Method = MethodDefinition<unknown, unknown>;

function unaryCall(channel: RpcChannel, method: Method) {
  return (request: unknown, options: CallOptions = {}): Promise<unknown> => {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const cancel = () => call.cancel();
    const call = channel.client.makeUnaryRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      request,
      callMetadata(channel, options),
      { deadline: callDeadline(channel, options) },
      (error, response) => {
        options.signal?.removeEventListener('abort', cancel);
        if (error) reject(callError(error, options));
        else resolve(response);
      },
    );
    options.signal?.addEventListener('abort', cancel);
    if (options.signal?.aborted) cancel();
    return promise;
  };
}

function streamCall(channel: RpcChannel, method: Method) {
  return (request: unknown, options: CallOptions = {}): AsyncIterable<unknown> => ({
    async *[Symbol.asyncIterator]() {
      const call = channel.client.makeServerStreamRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        callMetadata(channel, options),
        { deadline: callDeadline(channel, options) },
      );
      const cancel = () => call.cancel();
      // A stream that its consumer left early still reports the cancellation, as an error that nobody awaits.
      call.on('error', () => undefined);
      options.signal?.addEventListener('abort', cancel);
      if (options.signal?.aborted) cancel();
      try {
        yield* call;
      } catch (error) {
        throw callError(error, options);
      } finally {
        options.signal?.removeEventListener('abort', cancel);
        cancel();
      }
    },
  });
}

function callError(error: unknown, { signal }: CallOptions): RpcError {
  return signal?.aborted ? callCancelled() : fromServiceError(error);
}

function callMetadata(channel: RpcChannel, options: CallOptions): Metadata {
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${channel.token}`);
  if (options.requestId) metadata.set('rollcall-request-id', options.requestId);
  return metadata;
}

function callDeadline(channel: RpcChannel, options: CallOptions): number {
  return Date.now() + (options.timeoutMs ?? channel.timeoutMs);
}

function retryConfig(methods: readonly { readonly path: string }[]) {
  const name = methods.map(({ path }) => {
    const [, service, method] = path.split('/');
    return { service, method };
  });
  const retryPolicy = {
    maxAttempts: 3,
    initialBackoff: '0.1s',
    maxBackoff: '1s',
    backoffMultiplier: 2,
    retryableStatusCodes: ['UNAVAILABLE'],
  };
  return { methodConfig: name.length === 0 ? [] : [{ name, retryPolicy }] };
}
