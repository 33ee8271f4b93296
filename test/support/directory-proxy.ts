import { once } from 'node:events';
import {
  Client,
  credentials,
  Metadata,
  type MethodDefinition,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  type sendUnaryData,
  status,
} from '@grpc/grpc-js';

/** Stands before a directory, forwards every call, and holds back or breaks off what a test says. */
export interface DirectoryProxy extends AsyncDisposable {
  /** `host:port`. */
  readonly address: string;
  /** Lets no answer of a method through, such as `WatchChanges`, until `release`; `arrived` resolves with the first of them. */
  hold(method: string): { readonly arrived: Promise<void>; release(): void } & Disposable;
  /** Ends the streams of a method, as a directory does that goes away. */
  breakOff(method: string): void;
}

type Raw = MethodDefinition<Buffer, Buffer>;
const same = (bytes: Buffer) => bytes;

/** Starts the proxy; it forwards the calls of these services. */
export async function startDirectoryProxy(
  directoryAddress: string,
  services: readonly ServiceDefinition[],
): Promise<DirectoryProxy> {
  const client = new Client(directoryAddress, credentials.createInsecure());
  const server = new Server();
  const gates = new Map<string, { arrived: PromiseWithResolvers<void>; open: PromiseWithResolvers<void> }>();
  const breaks = new Map<string, Set<() => void>>();
  const nameOf = ({ path }: { path: string }) => path.split('/').at(-1) ?? '';

  async function pass(name: string): Promise<void> {
    const gate = gates.get(name);
    gate?.arrived.resolve();
    await gate?.open.promise;
  }

  function callerOf({ metadata }: { metadata: Metadata }): Metadata {
    const forwarded = new Metadata();
    for (const key of ['authorization', 'rollcall-request-id'])
      for (const value of metadata.get(key)) forwarded.set(key, value);
    return forwarded;
  }

  function unary(method: Raw) {
    return (call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) => {
      const upstream = client.makeUnaryRequest(
        method.path,
        same,
        same,
        call.request,
        callerOf(call),
        (error, response) => void pass(nameOf(method)).then(() => answer(error, response)),
      );
      call.on('cancelled', () => upstream.cancel());
    };
  }

  function streaming(method: Raw) {
    const name = nameOf(method);
    return async (call: ServerWritableStream<Buffer, Buffer>) => {
      const upstream = client.makeServerStreamRequest(method.path, same, same, call.request, callerOf(call));
      upstream.on('error', () => undefined);
      call.on('cancelled', () => upstream.cancel());
      const breakOff = () => upstream.cancel();
      const open = breaks.get(name) ?? new Set();
      breaks.set(name, open.add(breakOff));
      try {
        for await (const message of upstream) {
          await pass(name);
          if (!call.cancelled && !call.write(message)) await once(call, 'drain');
        }
        call.end();
      } catch (error) {
        const code = (error as { code?: number }).code;
        call.emit('error', code === status.CANCELLED ? { code: status.UNAVAILABLE } : error);
      } finally {
        open.delete(breakOff);
      }
    };
  }

  for (const service of services) {
    const methods = Object.entries(service).map(([key, { path, requestStream, responseStream }]) => {
      const raw: Raw = {
        path,
        requestStream,
        responseStream,
        requestSerialize: same,
        requestDeserialize: same,
        responseSerialize: same,
        responseDeserialize: same,
      };
      return [key, raw, responseStream ? streaming(raw) : unary(raw)] as const;
    });
    server.addService(
      Object.fromEntries(methods.map(([key, raw]) => [key, raw])),
      Object.fromEntries(methods.map(([key, , handler]) => [key, handler])),
    );
  }
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    ),
  );
  return {
    address: `127.0.0.1:${port}`,
    hold(method) {
      const gate = { arrived: Promise.withResolvers<void>(), open: Promise.withResolvers<void>() };
      gates.set(method, gate);
      const release = () => {
        gates.delete(method);
        gate.open.resolve();
      };
      return { arrived: gate.arrived.promise, release, [Symbol.dispose]: release };
    },
    breakOff(method) {
      for (const breakOff of breaks.get(method) ?? []) breakOff();
    },
    async [Symbol.asyncDispose]() {
      for (const { open } of gates.values()) open.resolve();
      server.forceShutdown();
      client.close();
    },
  };
}
