/** A Koa that reads the body of any request and answers as many bytes as `?bytes=` says: what HTTP costs with nothing behind it. */
import Koa from 'koa';
import getRawBody from 'raw-body';
import { serveParent } from '../child-program.ts';
import { portOf } from './port-of.ts';

const bodies = new Map<string, Buffer>();
const app = new Koa();
app.use(async (http) => {
  if (http.method !== 'GET') await getRawBody(http.req);
  const bytes = String(http.query.bytes);
  const body = bodies.get(bytes) ?? Buffer.alloc(Number(bytes), 'x');
  bodies.set(bytes, body);
  http.type = 'application/scim+json';
  http.body = body;
});
const server = app.listen(0, '127.0.0.1', () => serveParent(String(portOf(server))));
