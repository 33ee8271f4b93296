/**
 * Creates users in a connection, so many in flight, until it is ended: in a process of its own, so that who measures does
 * not wait for it. It is ready once each of the statuses that it is to expect has been answered, or so many requests were
 * that a server which has not refused any is slower than its rate limit.
 */
import { serveParent } from './child-program.ts';
import { openScimConnection } from './scim-connection.ts';
import { userResource } from './scim-resources.ts';

const [baseUrl = '', token = '', inFlight = '1', ...expected] = process.argv.slice(2);
const scim = openScimConnection({ id: '', baseUrl, token });
const name = Date.now().toString(36);
const statuses = expected.map(Number);
const enough = 3_000;
const unseen = new Set(statuses);
let turn = 0;
let isReady = false;
async function work(): Promise<never> {
  for (;;) {
    const { status } = await scim.send('POST', '/Users', statuses, userResource(`flood-${name}-${turn++}`));
    unseen.delete(status);
    if (isReady || (unseen.size > 0 && turn < enough)) continue;
    isReady = true;
    serveParent('flooding');
  }
}
await Promise.all(Array.from({ length: Number(inFlight) }, work));
