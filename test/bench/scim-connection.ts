import { isJsonObject, type JsonObject, type JsonValue } from '#scim/json.ts';
import { createHttpClient, type HttpAnswer } from './http-client.ts';

/** An answer and what its body says. */
export interface ScimAnswer extends HttpAnswer {
  /** The body as JSON; an empty object when there is none. */
  readonly json: JsonObject;
}

/** A connection as its identity provider reaches it. */
export interface ScimConnection extends Disposable {
  /** Its id in Rollcall; empty on another server. */
  readonly id: string;
  /** Its base URL, without a slash at its end. */
  readonly baseUrl: string;
  /** The bearer token of its identity provider. */
  readonly token: string;
  /** Sends a request to a path below its base URL. Rejects unless the answer has one of the statuses and a body of JSON or none. */
  send(method: string, path: string, statuses: readonly number[], body?: JsonValue): Promise<ScimAnswer>;
}

/** Makes the client of a connection. */
export function openScimConnection(to: Pick<ScimConnection, 'id' | 'baseUrl' | 'token'>): ScimConnection {
  const { origin, pathname } = new URL(to.baseUrl);
  const base = pathname.replace(/\/+$/, '');
  const client = createHttpClient(origin);
  const read = { authorization: `Bearer ${to.token}`, accept: 'application/scim+json' };
  const write = { ...read, 'content-type': 'application/scim+json' };
  return {
    ...to,
    async send(method, path, statuses, body) {
      const text = body === undefined ? undefined : JSON.stringify(body);
      const answer = await client.send(method, base + path, text === undefined ? read : write, text);
      if (!statuses.includes(answer.status)) {
        const said = answer.body.toString().slice(0, 300);
        throw new Error(`${method} ${path} answered ${answer.status}, not ${statuses.join(' or ')}: ${said}`);
      }
      const json: JsonValue = answer.body.length === 0 ? {} : JSON.parse(answer.body.toString());
      if (!isJsonObject(json)) throw new Error(`${method} ${path} answered no JSON object`);
      return { ...answer, json };
    },
    [Symbol.dispose]: () => client[Symbol.dispose](),
  };
}

/** Rejects an answer unless two values are the same. */
export function expectSame(what: string, actual: JsonValue | undefined, expected: JsonValue): void {
  if (actual !== expected)
    throw new Error(`${what} is ${JSON.stringify(actual)}, not ${JSON.stringify(expected)}`);
}

/** The objects of a list in an answer; of none when it is not there. */
export function objectsOf(json: JsonObject, name: string): readonly JsonObject[] {
  const list = json[name];
  return Array.isArray(list) ? list.filter(isJsonObject) : [];
}

/** The id in an answer; throws when there is none. */
export function idOf(json: JsonObject): string {
  if (typeof json.id !== 'string' || json.id === '') throw new Error('the answer has no id');
  return json.id;
}
