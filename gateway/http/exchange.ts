import type { Context } from 'koa';
import type { MemberChange, PatchOperation } from '#proto/rollcall/scim/v1/patch.ts';
import type { JsonObject } from '#scim/json.ts';
import type { ResourceType, SchemaRegistry } from '#scim/schema-registry.ts';
import type { ListPage, TypeQuery } from '../scim/list-query.ts';
import type { PatchStep } from '../scim/patch-step.ts';
import type { Projection } from '../scim/projection.ts';
import type { Precondition } from './preconditions.ts';

/** What an exchange is answered with. */
export interface Answer {
  /** The HTTP status. */
  readonly status: number;
  /** Headers beside those that every answer has. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The body: an object, or the text of one in pieces, so that a long one is never held whole. Absent: no body. */
  readonly body?: JsonObject | AsyncIterable<string>;
}

/** One request and its answer, as every stage of the pipeline sees it. A field that no stage sets keeps its neutral value. */
export interface Exchange {
  /** The HTTP side of it. */
  readonly http: Context;
  /** Names the request in logs, change records and the answer's `X-Request-Id`. */
  readonly requestId: string;
  /** Aborted when the answer is sent, or the client is gone. */
  readonly signal: AbortSignal;
  /** The connection that the URL names; nothing is known about it before `authenticate`. */
  readonly connectionId: string;
  /** The resource types that the connection has: the built-in ones, with the extensions it declares once `authenticate` knows it. */
  registry: SchemaRegistry;
  /** The connection's SCIM base URL, without a trailing slash. */
  readonly baseUrl: string;
  /** How many bytes the body may have. */
  readonly bodyLimit: number;
  /** What discovery calls that limit; empty when it does not name it. */
  readonly bodyLimitName: string;
  /** Whether the connection wants the RFC to the letter; set by `authenticate`. */
  strict: boolean;
  /** Whether no two groups of the connection may share a displayName; set by `authenticate`. */
  uniqueGroupNames: boolean;
  /** Whether the connection keeps what no schema knows; set by `authenticate`. */
  keepsUnknown: boolean;
  /** The names of attributes that the connection requires; set by `authenticate`. */
  requiredAttributes: readonly string[];
  /** The names of attributes whose values are not written down; set by `authenticate`. */
  maskedAttributes: readonly string[];
  /**
   * Who sends it: `known` once a good credential of the connection was presented, `claimant` at the place where clients
   * first prove who they are, before they did.
   */
  sender: 'stranger' | 'claimant' | 'known';
  /** The id of the good token or client that is presented; set by `authenticate`, and where access tokens are given. */
  tokenId: string;
  /** Whether the token may only read; set by `authenticate`. */
  readOnly: boolean;
  /** The id of the user on whose behalf the token is used; empty for none; set by `authenticate`. */
  userId: string;
  /** What the client asks for by name: the query of the URL, or the message of a search; set by `readUrl` or `readSearch`. */
  parameters: URLSearchParams;
  /** Set by `readBody`, changed by the repairs. */
  body: JsonObject;
  /** The body as it was sent, with secrets in it; set by `readBody`; a form has no secrets in it any more. */
  received: JsonObject | undefined;
  /** The names of the repairs that were made. */
  readonly repairs: Set<string>;
  /** The names of attributes that no schema knows: left out, unless the connection keeps them. */
  readonly ignored: Set<string>;
  /** Set by the last stage before it is sent. */
  answer: Answer;
}

/** An exchange that asks for a list, of resources of one type or of several. */
export interface ListExchange extends Exchange {
  /** What is asked of each type; the type set by the route and `useOwnTypes`, the rest by `readQuery` and `resolveQuery`. */
  queries: readonly TypeQuery[];
  /** Which part of the list; set by `readQuery`. */
  page: ListPage;
}

/** An exchange about one resource. */
export interface ResourceExchange extends Exchange {
  /** The type, by the URL, and as the connection has it once `useOwnTypes` has run. */
  resourceType: ResourceType;
  /** The resource's id as the URL has it, or by `readAlias`; empty for one that is to be created. */
  id: string;
  /** Set by `readProjection`. */
  projection: Projection;
  /** Set by `readPrecondition`. */
  precondition: Precondition;
  /** The operations of a PATCH; read from the body and repaired by `repairPatch`. */
  steps: readonly PatchStep[];
  /** What is to be written by POST and PUT; set by `resolveResource`. `members` absent keeps those there are. */
  written: { readonly resource: JsonObject; readonly members?: readonly string[] };
  /** What is to be changed by PATCH; set by `resolvePatch`. */
  changes: {
    readonly operations: readonly PatchOperation[];
    readonly memberChanges: readonly MemberChange[];
  };
}

/** Whether an exchange asks for a list. */
export function isListExchange(exchange: Exchange): exchange is ListExchange {
  return 'queries' in exchange;
}

/** Whether an exchange is about one resource. */
export function isResourceExchange(exchange: Exchange): exchange is ResourceExchange {
  return 'resourceType' in exchange;
}

/** One step of the pipeline. Throws to refuse the request. */
export type Stage<On extends Exchange = Exchange> = (exchange: On) => Promise<void> | void;
