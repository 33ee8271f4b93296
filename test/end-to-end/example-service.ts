import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRollcall } from 'rollcall/client';

/*
 * A service as somebody would write it who has only the package: users sign in, editors may read reports, and whoever
 * loses access loses the session at once.
 *
 *   POST /sessions?login=ada@example.com   signs in (a real service would ask for more) and answers the session's id
 *   GET  /reports, Authorization: <id>     200 for editors, 403 for other users, 401 without a session
 */

const rollcall = createRollcall({
  url: process.env.ROLLCALL_URL ?? 'http://127.0.0.1:8081',
  token: process.env.ROLLCALL_TOKEN ?? '',
});
const connection = process.env.ROLLCALL_CONNECTION ?? '';

/** The user of each session. */
const sessions = new Map<string, string>();

const access = rollcall.remember({
  connection,
  onChange({ user, active }) {
    if (active) return;
    for (const [id, owner] of sessions) if (owner === user) sessions.delete(id);
    access.forget(user);
    console.log(`ended the sessions of ${user}`);
  },
});

async function signIn(login: string): Promise<string | undefined> {
  const { user } = await rollcall.users.get.query({ connection, login });
  const { active } = await access.of(user.id);
  if (!active) return undefined;
  const id = crypto.randomUUID();
  sessions.set(id, user.id);
  return id;
}

async function mayRead(session: string): Promise<401 | 403 | 200> {
  const user = sessions.get(session);
  if (user === undefined) return 401;
  const { roles } = await access.of(user);
  return roles.some(({ role }) => role === 'editor') ? 200 : 403;
}

const server = createServer(async (request, response) => {
  const url = new URL(request.url ?? '/', 'http://localhost');
  try {
    if (url.pathname === '/sessions') {
      const session = await signIn(url.searchParams.get('login') ?? '');
      response.writeHead(session === undefined ? 403 : 201).end(session);
    } else {
      response.writeHead(await mayRead(request.headers.authorization ?? '')).end();
    }
  } catch (error) {
    console.error(error);
    response.writeHead(503).end();
  }
});
server.listen(0, '127.0.0.1', () => console.log(`listening on ${(server.address() as AddressInfo).port}`));
