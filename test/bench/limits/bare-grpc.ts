/** A grpc-js server that answers GetUser with one and the same user, given in hex: what gRPC costs with nothing behind it. */
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { GetUserResponse, UserServiceService } from '#proto/rollcall/directory/v1/user_service.ts';
import { serveParent } from '../child-program.ts';

const answer = GetUserResponse.decode(Buffer.from(process.argv[2] ?? '', 'hex'));
const { getUser } = UserServiceService;
const server = new Server();
server.addService(
  { getUser },
  { getUser: (_: unknown, reply: (error: null, value: unknown) => void) => reply(null, answer) },
);
server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  serveParent(String(port));
});
