import Router from '@koa/router';
import Koa, { type Context } from 'koa';
import type { Registry } from 'prom-client';
import type { Logger } from '#runtime/logger.ts';
import { createSchemaRegistry, type ResourceType } from '#scim/schema-registry.ts';
import type { DirectoryClient } from './directory/directory-client.ts';
import { createAuthenticate } from './http/authenticate.ts';
import type { Exchange, ResourceExchange, Stage } from './http/exchange.ts';
import { readPrecondition } from './http/preconditions.ts';
import type { PublicUrl } from './http/public-url.ts';
import { readUrl } from './http/query-parameters.ts';
import { readBody } from './http/read-body.ts';
import { createReportErrors } from './http/report-errors.ts';
import { createRequestLog, type RequestState } from './http/request-log.ts';
import { repairFilter, repairPatch, repairResource } from './repairs/repair-request.ts';
import { createDiscoveryEndpoints, refuseFilter } from './routes/discovery.ts';
import { createResourceStages } from './routes/resources.ts';
import { everything, readQuery, resolveQuery } from './scim/list-query.ts';
import { resolvePatch } from './scim/patch-request.ts';
import { createProjection, readProjection } from './scim/projection.ts';
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

/** Makes the SCIM app: every endpoint is a column of stages, run from the top. */
export function createApp({ directory, publicUrl, logger, metrics }: AppOptions): Koa {
  const registry = createSchemaRegistry();
  const stages = createResourceStages(directory, registry);
  const authenticate = createAuthenticate(directory);
  const none = undefined;

  // biome-ignore format: one line per stage, in the order in which a request meets them; one column per endpoint
  const resourceTable: readonly (readonly (Stage<ResourceExchange> | undefined)[])[] = [
    /* GET /Users     POST /.search    POST /Users      GET /{id}         PUT /{id}         PATCH /{id}       DELETE /{id} */
    [authenticate,    authenticate,    authenticate,    authenticate,     authenticate,     authenticate,     authenticate],
    [none,            none,            none,            readPrecondition, readPrecondition, readPrecondition, readPrecondition],
    [readUrl,         readBody,        readUrl,         readUrl,          readUrl,          readUrl,          none],
    [none,            readSearch,      none,            none,             none,             none,             none],
    [readProjection,  readProjection,  readProjection,  readProjection,   readProjection,   readProjection,   none],
    [readQuery,       readQuery,       readBody,        none,             readBody,         readBody,         none],
    [repairFilter,    repairFilter,    repairResource,  none,             repairResource,   repairPatch,      none],
    [resolveQuery,    resolveQuery,    resolveResource, none,             resolveResource,  resolvePatch,     none],
    [stages.list,     stages.list,     stages.create,   stages.read,      stages.replace,   stages.patch,     stages.remove],
  ];
  const column = (index: number) =>
    resourceTable.map((row) => row[index]).filter((stage) => stage !== undefined);

  function resourceExchange(http: Context, resourceType: ResourceType): ResourceExchange {
    return {
      ...createExchange(http, publicUrl),
      resourceType,
      id: http.params.id ?? '',
      parameters: new URLSearchParams(),
      projection: defaultProjections.get(resourceType) ?? createProjection(resourceType),
      precondition: {},
      body: {},
      filterText: undefined,
      query: everything,
      steps: [],
      written: { resource: {} },
      changes: { operations: [], memberChanges: [] },
    };
  }
  const defaultProjections = new Map(registry.resourceTypes.map((type) => [type, createProjection(type)]));

  const router = new Router({ sensitive: true });
  for (const type of registry.resourceTypes) {
    const run = (index: number) => (http: Context) => runStages(column(index), resourceExchange(http, type));
    const collection = `${root}${type.endpoint}`;
    const search = `${collection}/.search`;
    router.get(collection, run(0)).post(search, run(1)).all(search, refuseMethod).post(collection, run(2));
    const single = `${collection}/:id`;
    router.get(single, run(3)).put(single, run(4)).patch(single, run(5)).delete(single, run(6));
  }
  for (const { path, isPublic, hasDocuments, answer } of createDiscoveryEndpoints(registry)) {
    const before = isPublic ? [refuseFilter] : [authenticate, refuseFilter];
    const run = (http: Context) => {
      const answerKey: Stage = (exchange) => answer(exchange, http.params.key);
      return runStages([...before, answerKey], createExchange(http, publicUrl));
    };
    router.get(`${root}${path}`, run);
    if (hasDocuments) router.get(`${root}${path}/:key`, run);
  }

  const app = new Koa<RequestState>();
  // Failures are answered and logged by our own middleware; what is left is a client that went away.
  app.silent = true;
  app.use(createRequestLog(logger, metrics));
  app.use(createReportErrors(logger));
  app.use(createHealthRoutes(directory).routes());
  app.use(router.routes());
  app.use(router.allowedMethods());
  return app;
}

function refuseMethod(): never {
  throw new ScimError(405, 'A search is a POST.', undefined, { Allow: 'POST' });
}

async function runStages<On extends Exchange>(stages: readonly Stage<On>[], exchange: On): Promise<void> {
  for (const stage of stages) await stage(exchange);
}

function createExchange(http: Context, publicUrl: PublicUrl): Exchange {
  const connectionId: string = http.params.connection ?? '';
  const repairs = new Set<string>();
  const ignored = new Set<string>();
  Object.assign(http.state, { connectionId, repairs, ignored, route: http.routerPath ?? http._matchedRoute });
  const gone = new AbortController();
  http.res.once('close', () => {
    if (!http.res.writableFinished) gone.abort();
  });
  return {
    http,
    requestId: http.state.requestId,
    signal: gone.signal,
    connectionId,
    baseUrl: `${publicUrl(http.req)}/scim/${encodeURIComponent(connectionId)}/v2`,
    strict: false,
    repairs,
    ignored,
  };
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
