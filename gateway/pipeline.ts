import { createTurns } from '#runtime/turns.ts';
import type { RegistryOf } from '#scim/declared-extensions.ts';
import type { DirectoryClient } from './directory/directory-client.ts';
import { createAuthenticate } from './http/authenticate.ts';
import { allowWrite } from './http/authorize.ts';
import type { Exchange, ListExchange, ResourceExchange, Stage } from './http/exchange.ts';
import { createUseOwnTypes } from './http/own-types.ts';
import { readPrecondition } from './http/preconditions.ts';
import { readUrl } from './http/query-parameters.ts';
import { countingFailures, type RateLimit } from './http/rate-limit.ts';
import { readBody } from './http/read-body.ts';
import type { FailureReport } from './http/report-errors.ts';
import { sendAnswer } from './http/send-answer.ts';
import { limits } from './limits.ts';
import { repairFilter, repairPatch, repairResource } from './repairs/repair-request.ts';
import { createAccessTokenStage } from './routes/access-token.ts';
import { createBulkStage } from './routes/bulk.ts';
import { refuseFilter } from './routes/discovery.ts';
import { createListStage } from './routes/lists.ts';
import { readAlias, refuseCreation } from './routes/me.ts';
import { createResourceStages } from './routes/resources.ts';
import { readQuery, resolveQuery } from './scim/list-query.ts';
import { resolvePatch } from './scim/patch-request.ts';
import { readProjection, readProjections } from './scim/projection.ts';
import { resolveResource } from './scim/resource-from-json.ts';
import { readSearch } from './scim/search-request.ts';

/** The stages of one endpoint, in the order in which a request meets them. */
export type Stages<On extends Exchange = Exchange> = readonly Stage<On>[];

/** The stages of every endpoint. */
export interface Pipeline {
  /** `POST /Users` */
  readonly create: Stages<ResourceExchange>;
  /** `GET /Users/{id}`, and `GET /Me` */
  readonly read: Stages<ResourceExchange>;
  /** `PUT /Users/{id}`, and `PUT /Me` */
  readonly replace: Stages<ResourceExchange>;
  /** `PATCH /Users/{id}`, and `PATCH /Me` */
  readonly patch: Stages<ResourceExchange>;
  /** `DELETE /Users/{id}`, and `DELETE /Me` */
  readonly remove: Stages<ResourceExchange>;
  /** `GET /Users`, and `GET` of the base URL for all types */
  readonly list: Stages<ListExchange>;
  /** `POST /Users/.search`, and `POST /.search` for all types */
  readonly search: Stages<ListExchange>;
  /** `POST /Me` */
  readonly createMe: Stages;
  /** `POST /Bulk` */
  readonly bulk: Stages;
  /** `POST /scim/{connection}/oauth/token` */
  readonly accessToken: Stages;
  /** A discovery endpoint whose documents `answer` gives; a public one needs no token. */
  documents(isPublic: boolean, answer: Stage): Stages;
}

/** Takes an exchange through the stages of its endpoint. */
export async function runStages<On extends Exchange>(stages: Stages<On>, exchange: On): Promise<void> {
  for (const stage of stages) await stage(exchange);
}

/**
 * Makes the stages of every endpoint: each is a column of the tables in here, read from the top, for requests that were
 * admitted.
 */
export function createPipeline(
  directory: DirectoryClient,
  registryOf: RegistryOf,
  report: FailureReport,
  { limitRate, countFailure }: RateLimit,
): Pipeline {
  const { create, read, replace, patch, remove } = createResourceStages(directory);
  const authenticate = countingFailures(createAuthenticate(directory, registryOf), countFailure);
  const useOwnTypes = createUseOwnTypes();
  const turns = createTurns(limits.requestsAtOnce, limits.besideOthers);
  const list = createListStage(directory);
  const none = undefined;

  // How a request about one resource arrives.
  // biome-ignore format: one line per stage, one column per endpoint
  const arriving: Table<ResourceExchange> = [
    /* POST /Users     GET /{id}         PUT /{id}         PATCH /{id}       DELETE /{id} */
    [allowWrite,       none,             allowWrite,       allowWrite,       allowWrite],
    [none,             readAlias,        readAlias,        readAlias,        readAlias],
    [none,             readPrecondition, readPrecondition, readPrecondition, readPrecondition],
    [readUrl,          readUrl,          readUrl,          readUrl,          none],
    [readProjection,   readProjection,   readProjection,   readProjection,   none],
    [readBody,         none,             readBody,         readBody,         none],
  ];
  // What is done then, by a bulk request for each of its operations.
  // biome-ignore format: one line per stage, one column per endpoint
  const acting: Table<ResourceExchange> = [
    [repairResource,   none,             repairResource,   repairPatch,      none],
    [resolveResource,  none,             resolveResource,  resolvePatch,     none],
    [create,           read,             replace,          patch,            remove],
  ];
  // biome-ignore format: one line per stage, one column per endpoint
  const listing: Table<ListExchange> = [
    /* GET /Users      POST /Users/.search */
    [readUrl,          readBody],
    [none,             readSearch],
    [readProjections,  readProjections],
    [readQuery,        readQuery],
    [repairFilter,     repairFilter],
    [resolveQuery,     resolveQuery],
    [list,             list],
    [sendAnswer,       sendAnswer],
  ];

  // Nothing of a body is read before it is the connection's turn; a long answer is sent when the turn is over.
  const admitted = <On extends Exchange>(stages: Stages<On>): Stages<On> => [
    authenticate,
    limitRate,
    useOwnTypes,
    (exchange) => turns.take(exchange.connectionId, () => runStages(stages, exchange), exchange.signal),
  ];
  const ofResource = (index: number) =>
    admitted([...column(arriving, index), ...column(acting, index), sendAnswer]);
  const ofOperation = (index: number) => [allowWrite, ...column(acting, index)];
  const operations = {
    POST: ofOperation(0),
    PUT: ofOperation(2),
    PATCH: ofOperation(3),
    DELETE: ofOperation(4),
  };
  return {
    create: ofResource(0),
    read: ofResource(1),
    replace: ofResource(2),
    patch: ofResource(3),
    remove: ofResource(4),
    list: admitted(column(listing, 0)),
    search: admitted(column(listing, 1)),
    createMe: admitted([refuseCreation]),
    bulk: admitted([readBody, createBulkStage(operations, report), sendAnswer]),
    accessToken: [createAccessTokenStage(directory, report, countFailure)],
    documents(isPublic, answer) {
      const stages = [refuseFilter, answer, sendAnswer];
      return isPublic ? stages : admitted(stages);
    },
  };
}

type Table<On extends Exchange> = readonly (readonly (Stage<On> | undefined)[])[];

function column<On extends Exchange>(table: Table<On>, index: number): Stages<On> {
  return table.map((row) => row[index]).filter((stage) => stage !== undefined);
}
