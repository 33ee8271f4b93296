import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import {
  type LookUp,
  type LookUpAnswer,
  LookUpResourcesRequest,
  type SearchServiceService,
} from '#proto/rollcall/directory/v1/search_service.ts';
import type { RpcClient } from './rpc-client.ts';
import { RpcError } from './rpc-error.ts';
import { createSharedReads } from './shared-reads.ts';

/** What is asked, without the questions. */
export type LookUpSubject = Omit<Parameters<typeof LookUpResourcesRequest.fromPartial>[0], 'lookUps'>;

/** What a question is answered. */
export interface LookedUp extends LookUpAnswer {
  /** A position known before the data was read: the answer shows every change up to it. */
  readonly asOf: number;
}

/**
 * Looks up resources; questions about the same subject that arrive while others are under way travel together. Gives
 * undefined for what is to be asked by a call of its own, which says why. Rejects with RpcError.
 */
export type SharedLookUps = (
  subject: LookUpSubject,
  by: NonNullable<LookUp['by']>,
  signal: AbortSignal | undefined,
) => Promise<LookedUp | undefined>;

// As many as the directory takes.
const maxBatch = 100;

/** Makes the look-ups over a client. */
export function createSharedLookUps(service: RpcClient<typeof SearchServiceService>): SharedLookUps {
  const reads = createSharedReads<LookUpSubject, LookUp, LookedUp>({
    maxBatch,
    async read(subject, lookUps) {
      const request = LookUpResourcesRequest.fromPartial({ ...subject, lookUps: [...lookUps] });
      const { answers, asOf } = await service.lookUpResources(request);
      return answers.map((answer) => ({ ...answer, asOf }));
    },
  });
  return async (subject, by, signal) => {
    try {
      const found = await reads.ask(subject, { by }, signal);
      return found.alone ? undefined : found;
    } catch (error) {
      // What fails inside may do so by a neighbour's question.
      if (error instanceof RpcError && error.reason === ErrorReason.INTERNAL) return undefined;
      throw error;
    }
  };
}
