import type { Context } from 'koa';
import type { MemberChange, PatchOperation } from '#proto/rollcall/scim/v1/patch.ts';
import type { JsonObject } from '#scim/json.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import type { ListQuery } from '../scim/list-query.ts';
import type { PatchStep } from '../scim/patch-step.ts';
import type { Projection } from '../scim/projection.ts';
import type { Precondition } from './preconditions.ts';

/** One request and its answer, as every stage of the pipeline sees it. */
export interface Exchange {
  /** The HTTP side of it. */
  readonly http: Context;
  /** Names the request in logs, change records and the answer's `X-Request-Id`. */
  readonly requestId: string;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
  /** The connection that the URL names; nothing is known about it before `authenticate`. */
  readonly connectionId: string;
  /** The connection's SCIM base URL, without a trailing slash. */
  readonly baseUrl: string;
  /** Whether the connection wants the RFC to the letter; set by `authenticate`. */
  strict: boolean;
  /** The names of the repairs that were made. */
  readonly repairs: Set<string>;
  /** The names of attributes that the schema does not know and that were left out. */
  readonly ignored: Set<string>;
}

/** An exchange about resources of one type. A field that no stage of the endpoint sets keeps its neutral value. */
export interface ResourceExchange extends Exchange {
  /** The type, by the URL. */
  readonly resourceType: ResourceType;
  /** The resource's id as the URL has it; empty for the whole collection. */
  readonly id: string;
  /** What the client asks for by name: the query of the URL, or the message of a search; set by `readUrl` or `readSearch`. */
  parameters: URLSearchParams;
  /** Set by `readProjection`. */
  projection: Projection;
  /** Set by `readPrecondition`. */
  precondition: Precondition;
  /** Set by `readBody`, changed by the repairs. */
  body: JsonObject;
  /** The text of the filter, changed by the repairs; set by `readQuery`. */
  filterText: string | undefined;
  /** What a list asks for; set by `readQuery`, its filter by `resolveQuery`. */
  query: ListQuery;
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

/** One step of the pipeline. Throws to refuse the request. */
export type Stage<On extends Exchange = Exchange> = (exchange: On) => Promise<void> | void;
