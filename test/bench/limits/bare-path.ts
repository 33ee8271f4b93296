/**
 * The way of every SCIM request with no SCIM on it, in one process as in the product: Koa passes what it gets on to
 * grpc-js, and that asks the database. A read stands in the query of a GET, a write in the body of a POST.
 */
import { Client, credentials, type handleUnaryCall, Server, ServerCredentials } from '@grpc/grpc-js';
import Koa from 'koa';
import getRawBody from 'raw-body';
import { serveParent } from '../child-program.ts';
import { createDatabaseWork, type DatabaseCall } from './database-work.ts';
import { openLimitDatabases } from './limit-databases.ts';
import { portOf } from './port-of.ts';

const asIs = (bytes: Buffer) => bytes;
const method = {
  path: '/bench.BarePath/Run',
  requestStream: false,
  responseStream: false,
  requestSerialize: asIs,
  requestDeserialize: asIs,
  responseSerialize: asIs,
  responseDeserialize: asIs,
} as const;

const work = createDatabaseWork(await openLimitDatabases(process.argv[2] ?? ''));
const run: handleUnaryCall<Buffer, Buffer> = ({ request }, reply) => {
  const call: DatabaseCall = JSON.parse(request.toString());
  work.run(call).then((answer) => reply(null, Buffer.from(JSON.stringify(answer))), reply);
};
const rpc = new Server();
rpc.addService({ run: method }, { run });
const port = await new Promise<number>((resolve, reject) => {
  rpc.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
    error ? reject(error) : resolve(bound),
  );
});

const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
const app = new Koa();
app.use(async (http) => {
  const call = http.method === 'GET' ? Buffer.from(String(http.query.call)) : await getRawBody(http.req);
  http.type = 'application/scim+json';
  http.body = await new Promise<Buffer>((resolve, reject) => {
    client.makeUnaryRequest(method.path, asIs, asIs, call, (error, answer) =>
      answer ? resolve(answer) : reject(error),
    );
  });
});
const server = app.listen(0, '127.0.0.1', () => serveParent(String(portOf(server))));
