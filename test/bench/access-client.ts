import { isJsonObject, type JsonObject, type JsonValue } from '#scim/json.ts';
import type { Bench } from './bench.ts';
import { createHttpClient } from './http-client.ts';

/** Asks the access service about one connection, as an internal service does. */
export interface AccessClient extends Disposable {
  /** Asks a procedure. Rejects unless it answers 200 with an object. */
  ask(procedure: string, input: JsonObject): Promise<JsonObject>;
}

/** Makes a client with a token that opens the connection. */
export async function openAccessClient({ rollcall }: Bench, connection: string): Promise<AccessClient> {
  const { product } = rollcall;
  const token = await product.serviceToken(connection);
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
  const http = createHttpClient(product.accessUrl);
  return {
    async ask(procedure, input) {
      const body = JSON.stringify({ connection, ...input });
      const answer = await http.send('POST', `/trpc/${procedure}`, headers, body);
      const text = answer.body.toString();
      if (answer.status !== 200) throw new Error(`${procedure} answered ${answer.status}: ${text}`);
      return dataOf(JSON.parse(text));
    },
    [Symbol.dispose]: () => http[Symbol.dispose](),
  };
}

function dataOf(json: JsonValue): JsonObject {
  const result = isJsonObject(json) ? json.result : undefined;
  const data = isJsonObject(result) ? result.data : undefined;
  if (!isJsonObject(data)) throw new Error('the access service answered no data');
  return data;
}

/** The names of the roles in an answer, separated by commas. */
export function rolesIn({ roles }: JsonObject): string {
  const found = Array.isArray(roles) ? roles.filter(isJsonObject).map(({ role }) => role) : [];
  return found.join();
}
