/** A tRPC server with one procedure that answers nothing: what a question to the access service costs with nothing behind it. */
import { createServer } from 'node:http';
import { initTRPC } from '@trpc/server';
import { createHTTPHandler } from '@trpc/server/adapters/standalone';
import { serveParent } from '../child-program.ts';
import { portOf } from './port-of.ts';

const t = initTRPC.create({ isDev: false });
const answer = createHTTPHandler({
  router: t.router({ empty: t.procedure.query(() => null) }),
  basePath: '/trpc/',
  allowBatching: false,
  allowMethodOverride: true,
});
const server = createServer(answer).listen(0, '127.0.0.1', () => serveParent(String(portOf(server))));
