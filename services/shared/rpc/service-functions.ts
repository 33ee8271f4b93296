import type { ServiceDefinition } from '@grpc/grpc-js';

/**
 * A function per method of a generated definition: of the request message and `Rest` to a promise of the response
 * message, or to an async iterable of them when the method streams its answer.
 */
export type ServiceFunctions<Definition extends ServiceDefinition, Rest extends readonly unknown[]> = {
  readonly [Method in keyof Definition]: Definition[Method] extends {
    responseStream: infer Streams;
    requestDeserialize: (bytes: Buffer) => infer Request;
    responseDeserialize: (bytes: Buffer) => infer Response;
  }
    ? Streams extends true
      ? (request: Request, ...rest: Rest) => AsyncIterable<Response>
      : (request: Request, ...rest: Rest) => Promise<Response>
    : never;
};
