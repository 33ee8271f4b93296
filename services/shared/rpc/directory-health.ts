import type { ServiceDefinition } from '@grpc/grpc-js';
import { service as healthService } from 'grpc-health-check';
import { createRpcClient, type RpcChannel } from './rpc-client.ts';

type HealthService = ServiceDefinition & {
  readonly Check: {
    readonly path: string;
    readonly requestStream: false;
    readonly responseStream: false;
    readonly requestSerialize: (request: { service: string }) => Buffer;
    readonly requestDeserialize: (bytes: Buffer) => { service: string };
    readonly responseSerialize: (response: { status: string }) => Buffer;
    readonly responseDeserialize: (bytes: Buffer) => { status: string };
  };
};

/** Asks whether the directory serves (`grpc.health.v1`); false also when it does not answer within a second. Never rejects. */
export async function isDirectoryServing(channel: RpcChannel): Promise<boolean> {
  const client = createRpcClient(healthService as unknown as HealthService, channel);
  try {
    return (await client.Check({ service: '' }, { timeoutMs: 1_000 })).status === 'SERVING';
  } catch {
    return false;
  }
}
