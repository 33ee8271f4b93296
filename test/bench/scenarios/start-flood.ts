import { join } from 'node:path';
import { type ChildProgram, startChildProgram } from '../child-program.ts';
import type { ScimConnection } from '../scim-connection.ts';

/** Creates users in a connection, so many in flight, until it is disposed; that rejects when an answer had another status. */
export function startFlood(
  { baseUrl, token }: ScimConnection,
  inFlight: number,
  statuses: readonly number[],
): Promise<ChildProgram> {
  const program = join(import.meta.dirname, '..', 'flood.ts');
  return startChildProgram(program, baseUrl, token, String(inFlight), ...statuses.map(String));
}
