import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '#scim/json.ts';
import type { Secrets } from '../masking/secrets.ts';
import { valueOfKey } from '../scim/json-key.ts';
import { type Exchange, isResourceExchange, type ResourceExchange } from './exchange.ts';

const maxUsers = 100;
const maxLength = 256;

/**
 * The users that an exchange is about, so that it is found by them: ids, and userNames in lower case unless they are
 * secret; at most 100. Not a group's members where these are.
 * @param resourceId the id of the resource, also of one that was just created; empty when there is none
 */
export function usersOf(exchange: Exchange, resourceId: string, secrets: Secrets): readonly string[] {
  const found = new Set<string>();
  const candidates = isResourceExchange(exchange)
    ? ofResource(exchange, resourceId, secrets)
    : [...ofFilter(exchange), ...ofBulk(exchange)];
  for (const { id = '', userName = '' } of candidates) {
    if (found.size === maxUsers) break;
    const text = userName !== '' && !secrets.isSecret('userName') ? userName.toLowerCase() : id;
    if (text !== '' && text.length <= maxLength) found.add(text);
  }
  return [...found];
}

interface Candidate {
  readonly id?: string;
  readonly userName?: string;
}

function* ofResource(exchange: ResourceExchange, resourceId: string, secrets: Secrets): Iterable<Candidate> {
  const { resourceType, received, written, changes } = exchange;
  if (resourceType.name === 'User') {
    yield { id: resourceId };
    if (received) yield* namesIn(received);
  }
  if (secrets.isSecret('members')) return;
  for (const id of written.members ?? []) yield { id };
  for (const { change } of changes.memberChanges) {
    if (change === undefined || change.$case === 'removeWhere') continue;
    for (const id of change.value.ids) yield { id };
  }
}

function* ofFilter({ parameters }: Exchange): Iterable<Candidate> {
  const filter = parameters.get('filter') ?? '';
  for (const [, userName = ''] of filter.matchAll(/\buserName\s+eq\s+"([^"]*)"/gi)) yield { userName };
}

function* ofBulk({ received }: Exchange): Iterable<Candidate> {
  for (const operation of operationsOf(received)) {
    const path = valueOfKey(operation, 'path');
    const found = typeof path === 'string' ? /^\/Users(?:\/(?<id>[^/?]+))?$/.exec(path) : null;
    if (!found) continue;
    if (found.groups?.id !== undefined) yield { id: found.groups.id };
    const data = valueOfKey(operation, 'data');
    if (isJsonObject(data)) yield* namesIn(data);
  }
}

/** The userName in the body of a POST or PUT, or in the operations of a PATCH. */
function* namesIn(body: JsonObject): Iterable<Candidate> {
  const userName = valueOfKey(body, 'userName');
  if (typeof userName === 'string') yield { userName };
  for (const operation of operationsOf(body)) {
    const path = valueOfKey(operation, 'path');
    const value: JsonValue | undefined = valueOfKey(operation, 'value');
    const isName = typeof path === 'string' && /(^|:)userName$/i.test(path);
    if (isName && typeof value === 'string') yield { userName: value };
    const inValue = path === undefined && isJsonObject(value) ? valueOfKey(value, 'userName') : undefined;
    if (typeof inValue === 'string') yield { userName: inValue };
  }
}

function operationsOf(body: JsonObject | undefined): readonly JsonObject[] {
  const list = body && valueOfKey(body, 'Operations');
  return isJsonArray(list) ? list.filter(isJsonObject) : [];
}
