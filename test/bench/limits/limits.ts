import { Client, credentials } from '@grpc/grpc-js';
import {
  GetUserRequest,
  GetUserResponse,
  UserServiceService,
} from '#proto/rollcall/directory/v1/user_service.ts';
import type { JsonValue } from '#scim/json.ts';
import type { Bench } from '../bench.ts';
import { createHttpClient } from '../http-client.ts';
import type { Limit } from '../scenario.ts';
import { createDatabaseWork, type DatabaseCall } from './database-work.ts';

/** Makes ready what a scenario asks of the database, and says what that is in each turn, and when that turn was answered. */
export type DatabaseTurns = (bench: Bench) => Promise<(turn: number) => DatabaseTurn>;

/** What one turn asks of the database. */
export interface DatabaseTurn {
  /** What is asked. */
  readonly call: DatabaseCall;
  /** Called once it is done. */
  readonly done?: () => void;
}

/** The two limits that do the same to the database: over HTTP and gRPC, and by the driver in this process alone. */
export function databaseLimits(turns: DatabaseTurns): readonly Limit[] {
  return [
    {
      name: 'bare path',
      async prepare(bench, stack) {
        const at = await turns(bench);
        const port = await bench.rollcall.limit('bare-path', bench.rollcall.product.databaseUri);
        const http = stack.use(createHttpClient(`http://127.0.0.1:${port}`));
        return {
          async run(turn) {
            const { call, done } = at(turn);
            const text = JSON.stringify(call);
            const reads = call.do === 'get-user' || call.do === 'find-user' || call.do === 'read-users';
            const answer = reads
              ? await http.send('GET', `/?call=${encodeURIComponent(text)}`, {})
              : await http.send('POST', '/', {}, text);
            if (answer.status !== 200)
              throw new Error(`the bare path answered ${answer.status} to ${call.do}`);
            checkShown(call, JSON.parse(answer.body.toString()));
            done?.();
            return undefined;
          },
        };
      },
    },
    {
      name: 'driver',
      async prepare(bench) {
        const at = await turns(bench);
        const work = createDatabaseWork(bench.rollcall.databases);
        return {
          async run(turn) {
            const { call, done } = at(turn);
            checkShown(call, await work.run(call));
            done?.();
            return undefined;
          },
        };
      },
    },
  ];
}

function checkShown(call: DatabaseCall, answer: JsonValue): void {
  if ('id' in call && JSON.stringify(answer).includes(call.id) === false)
    throw new Error(`${call.do} answered another user`);
}

/** The same exchange with a Koa that has nothing behind it: the method, the body, and as many bytes back as the given request gets. */
export function koaLimit(
  exchange: (bench: Bench) => Promise<{ method: string; body?: string; answerBytes: number }>,
): Limit {
  return {
    name: 'koa',
    async prepare(bench, stack) {
      const { method, body, answerBytes } = await exchange(bench);
      const port = await bench.rollcall.limit('bare-koa');
      const http = stack.use(createHttpClient(`http://127.0.0.1:${port}`));
      return {
        async run() {
          const answer = await http.send(method, `/?bytes=${answerBytes}`, {}, body);
          if (answer.body.length !== answerBytes) throw new Error(`Koa answered ${answer.body.length} bytes`);
          return undefined;
        },
      };
    },
  };
}

/** GetUser of a grpc-js pair that has nothing behind it, with a user as the directory answers it. */
export const grpcLimit: Limit = {
  name: 'grpc-js',
  async prepare(bench, stack) {
    const { scim, users } = await bench.population(bench.scale.users);
    const [user] = users;
    const request = GetUserRequest.fromPartial({ connectionId: scim.id, id: user?.id ?? '' });
    const response = await bench.rollcall.product.directory.users.getUser(request);
    const bytes = Buffer.from(GetUserResponse.encode(response).finish()).toString('hex');
    const port = await bench.rollcall.limit('bare-grpc', bytes);
    const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
    stack.defer(() => client.close());
    const { path, requestSerialize, responseDeserialize } = UserServiceService.getUser;
    return {
      async run() {
        const answer = await new Promise<GetUserResponse>((resolve, reject) => {
          client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, (error, value) =>
            value ? resolve(value) : reject(error),
          );
        });
        if (answer.user?.id !== user?.id) throw new Error('grpc-js answered another user');
        return undefined;
      },
    };
  },
};

/** A procedure that does nothing, asked as the access service is. */
export const emptyTrpcLimit: Limit = {
  name: 'empty tRPC',
  async prepare(bench, stack) {
    const port = await bench.rollcall.limit('empty-trpc');
    const http = stack.use(createHttpClient(`http://127.0.0.1:${port}`));
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${'x'.repeat(64)}` };
    const body = JSON.stringify({ connection: 'x'.repeat(16), user: 'x'.repeat(36) });
    return {
      async run() {
        const { status } = await http.send('POST', '/trpc/empty', headers, body);
        if (status !== 200) throw new Error(`the empty procedure answered ${status}`);
        return undefined;
      },
    };
  },
};
