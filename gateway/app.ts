import Router from '@koa/router';
import Koa, { type Context } from 'koa';
import type { Registry } from 'prom-client';
import { isCancelled } from '#rpc/rpc-error.ts';
import type { Logger } from '#runtime/logger.ts';
import { createSchemaRegistry, type ResourceType } from '#scim/schema-registry.ts';
import type { DirectoryClient } from './directory/directory-client.ts';
import { createAuthenticate } from './http/authenticate.ts';
import { allowWrite } from './http/authorize.ts';
import { createExchange, createResourceExchange } from './http/create-exchange.ts';
import type { Exchange, ListExchange, ResourceExchange, Stage } from './http/exchange.ts';
import { readPrecondition } from './http/preconditions.ts';
import type { PublicUrl } from './http/public-url.ts';
import { readUrl } from './http/query-parameters.ts';
import { readBody } from './http/read-body.ts';
import { createFailureReport, createReportErrors } from './http/report-errors.ts';
import { createRequestLog, type RequestState } from './http/request-log.ts';
import { sendAnswer } from './http/send-answer.ts';
import { limits } from './limits.ts';
import { repairFilter, repairPatch, repairResource } from './repairs/repair-request.ts';
import { createBulkStage } from './routes/bulk.ts';
import { createDiscoveryEndpoints, refuseFilter } from './routes/discovery.ts';
import { createListStage } from './routes/lists.ts';
import { readAlias, refuseCreation } from './routes/me.ts';
import { createResourceStages } from './routes/resources.ts';
import { everythingOf, firstPage, readQuery, resolveQuery } from './scim/list-query.ts';
import { resolvePatch } from './scim/patch-request.ts';
import { createProjection, readProjection, readProjections } from './scim/projection.ts';
import { resolveResource } from './scim/resource-from-json.ts';
import { ScimError } from './scim/scim-error.ts';
import { readSearch } from './scim/search-request.ts';

/** What the app needs. */
export interface AppOptions {
  /** Answers everything that is asked about connections and resources. */
  readonly directory: DirectoryClient;
  /** See PublicUrl. */
  readonly publicUrl: PublicUrl;
  /** Told of each request. */
  readonly logger: Logger;
  /** Counts requests and repairs. */
  readonly metrics: Registry;
}

const root = '/scim/:connection/v2';

type Table<On extends Exchange> = readonly (readonly (Stage<On> | undefined)[])[];

/** Makes the SCIM app: every endpoint is a column of stages, run from the top, and then sent. */
export function createApp({ directory, publicUrl, logger, metrics }: AppOptions): Koa {
  const registry = createSchemaRegistry();
  const { create, read, replace, patch, remove } = createResourceStages(directory, registry);
  const authenticate = createAuthenticate(directory);
  const list = createListStage(directory, registry);
  const report = createFailureReport(logger);
  const none = undefined;

  // biome-ignore-start format: one line per stage, in the order in which a request meets them; one column per endpoint
  /** How a request about one resource arrives. */
  const arriving: Table<ResourceExchange> = [
    /* POST /Users     GET /{id}         PUT /{id}         PATCH /{id}       DELETE /{id} */
    [authenticate, authenticate, authenticate, authenticate, authenticate],
    [allowWrite, none, allowWrite, allowWrite, allowWrite],
    [none, readAlias, readAlias, readAlias, readAlias],
    [none, readPrecondition, readPrecondition, readPrecondition, readPrecondition],
    [readUrl, readUrl, readUrl, readUrl, none],
    [readProjection, readProjection, readProjection, readProjection, none],
    [readBody, none, readBody, readBody, none],
  ];
  /** What is then done; a bulk request does it for each of its operations. */
  const acting: Table<ResourceExchange> = [
    [repairResource, none, repairResource, repairPatch, none],
    [resolveResource, none, resolveResource, resolvePatch, none],
    [create, read, replace, patch, remove],
  ];
  const listing: Table<ListExchange> = [
    /* GET /Users      POST /Users/.search */
    [authenticate, authenticate],
    [readUrl, readBody],
    [none, readSearch],
    [readProjections, readProjections],
    [readQuery, readQuery],
    [repairFilter, repairFilter],
    [resolveQuery, resolveQuery],
    [list, list],
  ];
  // biome-ignore-end format: tables
  const bulk = createBulkStage(
    registry,
    {
      POST: [allowWrite, ...column(acting, 0)],
      PUT: [allowWrite, ...column(acting, 2)],
      PATCH: [allowWrite, ...column(acting, 3)],
      DELETE: [allowWrite, ...column(acting, 4)],
    },
    report,
  );

  const defaultProjections = new Map(registry.resourceTypes.map((type) => [type, createProjection(type)]));
  const defaultQueries = new Map(registry.resourceTypes.map((type) => [type, everythingOf(type)]));
  const resourceExchange = (http: Context, resourceType: ResourceType): ResourceExchange => {
    const bodyLimit = resourceType.name === 'Group' ? limits.groupBodyBytes : limits.bodyBytes;
    const exchange = createExchange(http, registry, publicUrl, bodyLimit);
    const projection = defaultProjections.get(resourceType) ?? createProjection(resourceType);
    return createResourceExchange(exchange, resourceType, http.params.id ?? '', projection);
  };
  const onResource = (type: ResourceType, index: number) => (http: Context) =>
    run([...column(arriving, index), ...column(acting, index), sendAnswer], resourceExchange(http, type));
  const onList = (types: readonly ResourceType[], index: number) => (http: Context) =>
    run([...column(listing, index), sendAnswer], {
      ...createExchange(http, registry, publicUrl, limits.bodyBytes),
      queries: types.map((type) => defaultQueries.get(type) ?? everythingOf(type)),
      page: firstPage,
    });
  const onBulk = (http: Context) =>
    run(
      [authenticate, readBody, bulk, sendAnswer],
      createExchange(http, registry, publicUrl, limits.bulkBytes, 'maxPayloadSize'),
    );

  const router = new Router({ sensitive: true });
  const search = (path: string, types: readonly ResourceType[]) => {
    router.post(`${path}/.search`, onList(types, 1)).all(`${path}/.search`, refuseMethod);
  };
  router.get(root, onList(registry.resourceTypes, 0)).get(`${root}/`, onList(registry.resourceTypes, 0));
  search(root, registry.resourceTypes);
  router.post(`${root}/Bulk`, onBulk);
  for (const type of registry.resourceTypes) {
    const collection = `${root}${type.endpoint}`;
    search(collection, [type]);
    router.get(collection, onList([type], 0)).post(collection, onResource(type, 0));
    single(`${collection}/:id`, type);
    // The user of the token (RFC 7644, section 3.11).
    if (type.name === 'User') {
      single(`${root}/Me`, type);
      router.post(`${root}/Me`, (http) =>
        run([authenticate, refuseCreation], createExchange(http, registry, publicUrl, limits.bodyBytes)),
      );
    }
  }
  function single(path: string, type: ResourceType): void {
    router.get(path, onResource(type, 1)).put(path, onResource(type, 2));
    router.patch(path, onResource(type, 3)).delete(path, onResource(type, 4));
  }
  for (const { path, isPublic, hasDocuments, answer } of createDiscoveryEndpoints(registry)) {
    const before = isPublic ? [refuseFilter] : [authenticate, refuseFilter];
    const onDocuments = (http: Context) => {
      const answerKey: Stage = (exchange) => answer(exchange, http.params.key);
      return run(
        [...before, answerKey, sendAnswer],
        createExchange(http, registry, publicUrl, limits.bodyBytes),
      );
    };
    router.get(`${root}${path}`, onDocuments);
    if (hasDocuments) router.get(`${root}${path}/:key`, onDocuments);
  }

  const app = new Koa<RequestState>();
  // Failures are answered and logged by our own middleware; what is left are answers that broke off half-way.
  app.on('error', (err: unknown, { state }: Context) => {
    if (!isClientGone(err)) logger.error({ err, requestId: state.requestId }, 'an answer broke off');
  });
  app.use(createRequestLog(logger, metrics));
  app.use(createReportErrors(report));
  app.use(createHealthRoutes(directory).routes());
  app.use(router.routes());
  app.use(router.allowedMethods());
  return app;
}

function column<On extends Exchange>(table: Table<On>, index: number): readonly Stage<On>[] {
  return table.map((row) => row[index]).filter((stage) => stage !== undefined);
}

async function run<On extends Exchange>(stages: readonly Stage<On>[], exchange: On): Promise<void> {
  for (const stage of stages) await stage(exchange);
}

/** Whether an answer ended because nobody waits for it: the socket says so, or the call that was given up for it. */
function isClientGone(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'ECONNRESET' || code === 'EPIPE' || isCancelled(error);
}

function refuseMethod(): never {
  throw new ScimError(405, 'A search is a POST.', undefined, { Allow: 'POST' });
}

function createHealthRoutes(directory: DirectoryClient): Router {
  const router = new Router();
  router.get('/healthz', (http) => {
    http.body = 'ok\n';
  });
  router.get('/readyz', async (http) => {
    const isServing = await directory.isServing();
    http.status = isServing ? 200 : 503;
    http.body = isServing ? 'ok\n' : 'The directory does not serve.\n';
  });
  return router;
}
