/** Creates users in a connection, so many in flight, until it is ended: in a process of its own, so that who measures does not wait for it. */
import { serveParent } from './child-program.ts';
import { openScimConnection } from './scim-connection.ts';
import { userResource } from './scim-resources.ts';

const [baseUrl = '', token = '', inFlight = '1', ...statuses] = process.argv.slice(2);
const scim = openScimConnection({ id: '', baseUrl, token });
const name = Date.now().toString(36);
let turn = 0;
async function work(): Promise<never> {
  for (;;) await scim.send('POST', '/Users', statuses.map(Number), userResource(`flood-${name}-${turn++}`));
}
serveParent('flooding');
await Promise.all(Array.from({ length: Number(inFlight) }, work));
