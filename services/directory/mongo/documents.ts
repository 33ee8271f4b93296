import type { Binary, Document } from 'mongodb';
import type {
  AttributeMapping,
  ConnectionStatus,
  Extension,
  OnDelete,
  Provider,
  UnknownAttributes,
} from '#proto/rollcall/directory/v1/connection_service.ts';
import type { Exchange } from '#proto/rollcall/directory/v1/exchange_service.ts';
import type { JsonObject } from '#scim/json.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import type { ChangeContent, FoldedBy, MemberKind, RoleMappingsState, WriteSettings } from '../decision.ts';

const connectionForm = /^[a-z0-9]{8,32}$/;
const resourceForm = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const consumerForm = /^[a-z0-9-]{1,64}$/;
const positionDigits = 16;

/** Whether a text can be a connection's id; no other text may become part of a key. */
export function isConnectionId(text: string): boolean {
  return connectionForm.test(text);
}

/** Whether a text can be a resource's id (a UUIDv7 in lower case); no other text may become part of a key. */
export function isResourceId(text: string): boolean {
  return resourceForm.test(text);
}

/** Whether a text can be a consumer's name; no other text may become part of a key. */
export function isConsumerName(text: string): boolean {
  return consumerForm.test(text);
}

function checked(form: RegExp, text: string): string {
  if (!form.test(text)) throw new TypeError('an id of a wrong form reached a key');
  return text;
}

/** The `_id` of a user or group. */
export function resourceKey(connection: string, id: string): string {
  return `${checked(connectionForm, connection)}/${checked(resourceForm, id)}`;
}

/** The `_id` of a membership. */
export function edgeKey(connection: string, group: string, member: string): string {
  return `${resourceKey(connection, group)}/${checked(resourceForm, member)}`;
}

/** The `_id` of a change record. Positions have a fixed width, so that keys sort as positions do. */
export function changeKey(connection: string, position: number): string {
  return `${checked(connectionForm, connection)}/${String(position).padStart(positionDigits, '0')}`;
}

/** The `_id` of an exchange. */
export function exchangeKey(connection: string, id: string): string {
  return `${checked(connectionForm, connection)}/${checked(resourceForm, id)}`;
}

/** The `_id` of a consumer of the log. */
export function consumerKey(connection: string, name: string): string {
  return `${checked(connectionForm, connection)}/${checked(consumerForm, name)}`;
}

/** The `_id` of a version of the role mappings. */
export function roleMappingsKey(connection: string, version: number): string {
  return `${checked(connectionForm, connection)}/${String(version).padStart(positionDigits, '0')}`;
}

/** How many keys one query may name: the embedded server's time for `$in` grows with the square of their number. */
export const maxQueryKeys = 1_000;

/** Cuts a list of keys into parts that one query each may name. */
export function keyParts<Key>(keys: readonly Key[]): readonly (readonly Key[])[] {
  const count = Math.ceil(keys.length / maxQueryKeys);
  return Array.from({ length: count }, (_, part) =>
    keys.slice(part * maxQueryKeys, (part + 1) * maxQueryKeys),
  );
}

/** The id at the end of the `_id` of a user or group. */
export function idOfKey(key: string): string {
  return key.slice(key.lastIndexOf('/') + 1);
}

/** A user or group as stored. */
export interface ResourceDocument extends Document {
  _id: string;
  connection: string;
  /** Its place in the order of creation; never reused. Lists and walks go by it. */
  ordinal: number;
  /** What the client wrote, without what can be derived. */
  resource: JsonObject;
  /** What filters compare. */
  fold: Document;
  /** Entries of which no two documents of a connection share one. */
  unique: string[];
  /** Entries for equality filters. */
  lookup: string[];
  /** The fingerprint of the definitions that `fold`, `unique` and `lookup` were made by. */
  definitions: string;
  version: number;
  created: Date;
  lastModified: Date;
}

/** What is read of a resource to show it: what it is found by is as large, and left out. */
export type ShownDocument = Pick<ResourceDocument, '_id' | keyof typeof shownFields>;

/** The projection of a query that reads ShownDocuments. */
export const shownFields = { ordinal: 1, resource: 1, version: 1, created: 1, lastModified: 1 } as const;

/** A user that is gone for its identity provider and kept for internal services, as stored. */
export interface DeletedUserDocument extends Document {
  _id: string;
  connection: string;
  /** What it was, inactive. */
  resource: JsonObject;
  version: number;
  created: Date;
  deleted: Date;
}

/** A membership as stored. */
export interface EdgeDocument extends Document {
  _id: string;
  connection: string;
  group: string;
  member: string;
  kind: MemberKind;
  since: Date;
}

/** The one small document per connection that orders its writes. */
export interface HeadDocument extends Document {
  _id: string;
  connection: string;
  /** The position of the newest change. */
  position: number;
  /** The oldest position that is kept. */
  floor: number;
  /** How many users there are. */
  users: number;
  /** How many groups there are. */
  groups: number;
  /** The ordinal of the next user. */
  nextUser: number;
  /** The ordinal of the next group. */
  nextGroup: number;
  /** Deleted groups whose edges still stand; reads drop such edges. */
  draining: string[];
  status: ConnectionStatus;
  /** What is to be known of the role mappings without reading them. Absent: none was ever set. */
  roleMappings?: RoleMappingsState;
  /** What everything stored is folded by; absent: not known. */
  folded?: FoldedBy;
  /** Kept here too, where every transaction reads and writes: see `readSettings`. Absent in heads older than this field. */
  settings?: WriteSettings;
}

/** The state of role mappings in a head that does not name one. */
export const noRoleMappings: RoleMappingsState = {
  version: 0,
  nextEdge: null,
  protectedRoles: [],
  unheld: [],
};

/** A version of the role mappings as stored; never changed. */
export interface RoleMappingsDocument extends Document {
  _id: string;
  connection: string;
  version: number;
  time: Date;
  author: string;
  rolledBackTo: number;
  /** How many mappings it has. */
  count: number;
  /** The message RoleMappings as bytes, because names in it begin with `$` once it is decoded. */
  mappings: Binary;
}

/** A change record as stored. */
export interface ChangeDocument extends Document {
  _id: string;
  connection: string;
  position: number;
  time: Date;
  requestId: string;
  /** The transaction that wrote it; tells a committer whether a commit of unknown outcome happened. */
  batch: string;
  content: ChangeContent;
}

/** A consumer of the log as stored. */
export interface ConsumerDocument extends Document {
  _id: string;
  connection: string;
  name: string;
  /** The position up to which it has acknowledged. */
  position: number;
  registered: Date;
  /** When it acknowledged last; absent when it never did. */
  acknowledged?: Date;
}

/** An exchange as stored: its message, with the keys apart. */
export interface ExchangeDocument extends Document {
  _id: string;
  connection: string;
  /** When the request arrived, as its id says. */
  time: Date;
  /** When the document may go. */
  expire: Date;
  /** Whether it was answered with an error, or broke off. */
  failed: boolean;
  /** What is not in the other fields. */
  exchange: Omit<Exchange, 'id' | 'connectionId' | 'time'>;
}

/** A bearer token as stored: its digest, never the secret. */
export interface TokenRecord {
  id: string;
  /** SHA-256, hexadecimal. */
  digest: string;
  label: string;
  created: Date;
  expires: Date | null;
  /** It may read but not write. Absent, as in tokens older than this field: false. */
  readOnly?: boolean;
  /** The user on whose behalf it is used. Absent: none. */
  userId?: string;
}

/** An OAuth client as stored: the digest of its secret, never the secret. */
export interface ClientRecord {
  id: string;
  /** SHA-256 of the secret, hexadecimal. */
  digest: string;
  label: string;
  created: Date;
  expires: Date | null;
  /** Its access tokens may read but not write. */
  readOnly: boolean;
}

/** An access token of an OAuth client as stored. */
export interface AccessTokenRecord {
  /** SHA-256, hexadecimal. */
  digest: string;
  expires: Date;
}

/** Whose signed tokens open a connection, as stored; see the message TrustedIssuer. */
export interface TrustedIssuerRecord {
  issuer: string;
  audience: string;
  jwksUri: string;
  /** Empty for any. */
  applicationId: string;
}

/** A connection as stored. */
export interface ConnectionDocument extends Document {
  _id: string;
  connection: string;
  name: string;
  provider: Provider;
  strict: boolean;
  uniqueGroupNames: boolean;
  /** Absent, as in connections older than this field: empty. */
  organization?: string;
  /** Absent: none. */
  requiredAttributes?: readonly string[];
  /** Absent: none. */
  maskedAttributes?: readonly string[];
  /** Absent: REMOVE. */
  onDelete?: OnDelete;
  /** Absent: DROP. */
  unknownAttributes?: UnknownAttributes;
  /** Absent: none. */
  extensions?: readonly Extension[];
  /** Names them; absent: the empty name. */
  extensionsRevision?: string;
  /** Absent: the defaults. */
  attributeMapping?: AttributeMapping;
  status: ConnectionStatus;
  created: Date;
  /** By token id. */
  tokens: Record<string, TokenRecord>;
  /** OAuth clients, by id. Absent in connections older than this field. */
  clients?: Record<string, ClientRecord>;
  /** By client id, oldest first; apart from `clients`, so that a late write cannot bring a revoked one back. */
  accessTokens?: Record<string, AccessTokenRecord[]>;
  /** Whose signed tokens open it beside its own. */
  trustedIssuer?: TrustedIssuerRecord;
  /** When each token, each client's tokens, and the trusted issuer's, were last used; apart from them for the same reason. */
  lastUsed: Record<string, Date>;
}

/** An internal service's token as stored; `_id` is the digest. */
export interface ServiceTokenDocument extends Document {
  _id: string;
  id: string;
  label: string;
  /** Empty with `allConnections`. */
  connections: string[];
  allConnections: boolean;
  created: Date;
  expires: Date | null;
}

/** The head's fields for a resource type: how many there are, and the next ordinal. */
export function headFields(type: ResourceType): {
  count: 'users' | 'groups';
  next: 'nextUser' | 'nextGroup';
} {
  return type.name === 'Group'
    ? { count: 'groups', next: 'nextGroup' }
    : { count: 'users', next: 'nextUser' };
}
