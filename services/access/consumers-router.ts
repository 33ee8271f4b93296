import { z } from 'zod';
import { AcknowledgeRequest, RegisterConsumerRequest } from '#proto/rollcall/directory/v1/change_service.ts';
import type { DirectoryClient } from './directory-client.ts';
import { connectionInput, connectionProcedure, router } from './trpc.ts';

/** What names a consumer. */
const name = z.string().regex(/^[a-z0-9-]{1,64}$/, 'a name has 1 to 64 characters a-z, 0-9 and -');
const position = z.int().nonnegative();

const registerInput = connectionInput({
  name,
  /** The position from which it has yet to acknowledge; the connection's own when absent. */
  after: position.optional(),
});

const acknowledgeInput = connectionInput({
  name,
  /** The position up to which all is done. */
  position,
});

/** A service that follows the changes of a connection and says how far it is. */
export interface ConsumerAnswer {
  /** Its name. */
  name: string;
  /** The position up to which it has acknowledged; at first where it began. */
  position: number;
  /** How many changes it has not acknowledged. */
  lag: number;
}

/** `consumers.register` and `.acknowledge`. */
export function createConsumersRouter(directory: DirectoryClient) {
  return router({
    /**
     * Makes a consumer known by its name, so that it can acknowledge and operators see its lag. One that is known stays as it
     * is, so call it at every start: its `position` is where to go on. Fails with LIMIT_EXCEEDED beyond 100.
     *
     * @example
     * const { position } = await rollcall.consumers.register.mutate({ connection, name: 'billing' });
     */
    register: connectionProcedure
      .input(registerInput)
      .mutation(async ({ ctx, input }): Promise<ConsumerAnswer> => {
        const request = RegisterConsumerRequest.fromPartial({
          connectionId: ctx.connection,
          name: input.name,
          after: input.after,
        });
        const { consumer } = await directory.changes.registerConsumer(request, ctx.call);
        if (consumer === undefined) throw new Error('The directory answered without the consumer');
        return { name: consumer.name, position: consumer.position, lag: consumer.lag };
      }),

    /**
     * Says that all is done that the changes up to a position ask for, such as ending the sessions of those who were
     * deactivated. An older position than was acknowledged changes nothing. Fails with CONSUMER_NOT_FOUND.
     *
     * @example
     * await rollcall.consumers.acknowledge.mutate({ connection, name: 'billing', position: message.position });
     */
    acknowledge: connectionProcedure
      .input(acknowledgeInput)
      .mutation(async ({ ctx, input }): Promise<{ position: number }> => {
        const request = AcknowledgeRequest.fromPartial({
          connectionId: ctx.connection,
          name: input.name,
          position: input.position,
        });
        return directory.changes.acknowledge(request, ctx.call);
      }),
  });
}
