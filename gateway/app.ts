import Router from '@koa/router';
import Koa, { type Context } from 'koa';
import type { Registry } from 'prom-client';
import { isCancelled } from '#rpc/rpc-error.ts';
import type { Logger } from '#runtime/logger.ts';
import { createRegistries } from '#scim/declared-extensions.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import type { DirectoryClient } from './directory/directory-client.ts';
import type { ClientAddress } from './http/client-address.ts';
import { createExchange, createResourceExchange } from './http/create-exchange.ts';
import type { Exchange, ResourceExchange } from './http/exchange.ts';
import { createExchangeLog } from './http/exchange-log.ts';
import type { ExchangeRecorder } from './http/exchange-recorder.ts';
import type { PublicUrl } from './http/public-url.ts';
import { createRateLimit, type RateLimit } from './http/rate-limit.ts';
import { createFailureReport, createReportErrors } from './http/report-errors.ts';
import { createRequestLog, type RequestState } from './http/request-log.ts';
import { limits } from './limits.ts';
import { createPipeline, runStages, type Stages } from './pipeline.ts';
import { createDiscoveryEndpoints } from './routes/discovery.ts';
import { everythingOf, firstPage } from './scim/list-query.ts';
import { ScimError } from './scim/scim-error.ts';

/** What the app needs. */
export interface AppOptions {
  /** Answers everything that is asked about connections and resources. */
  readonly directory: DirectoryClient;
  /** See PublicUrl. */
  readonly publicUrl: PublicUrl;
  /** See ClientAddress. */
  readonly clientAddress: ClientAddress;
  /** How many requests per second each connection may send; 0 for any number. */
  readonly rateLimit: number;
  /** Gets the exchanges for the sync log. */
  readonly recorder: ExchangeRecorder;
  /** Told of each request. */
  readonly logger: Logger;
  /** Counts requests, refusals and repairs. */
  readonly metrics: Registry;
  /** Fires when the gateway stops: what is only held back is answered then. */
  readonly stopping: AbortSignal;
}

/** Makes the SCIM app: what is outside of every endpoint, and the routes to the stages of each. */
export function createApp(options: AppOptions): Koa {
  const { directory, publicUrl, clientAddress, rateLimit, recorder, logger, metrics, stopping } = options;
  const report = createFailureReport(logger);
  const app = new Koa<RequestState>();
  // Failures are answered and logged by our own middleware; what is left are answers that broke off half-way.
  app.on('error', (err: unknown, { state }: Context) => {
    if (!isClientGone(err)) logger.error({ err, requestId: state.requestId }, 'an answer broke off');
  });
  const limit = createRateLimit(rateLimit, clientAddress, metrics, stopping);
  const scim = createScimRoutes(directory, publicUrl, report, limit);
  app.use(createRequestLog(logger, metrics));
  app.use(createExchangeLog(recorder));
  app.use(createReportErrors(report));
  app.use(createHealthRoutes(directory).routes());
  app.use(scim.routes());
  app.use(scim.allowedMethods());
  return app;
}

const root = '/scim/:connection/v2';

function createScimRoutes(
  directory: DirectoryClient,
  publicUrl: PublicUrl,
  report: ReturnType<typeof createFailureReport>,
  limit: RateLimit,
): Router {
  const registryOf = createRegistries();
  const registry = registryOf([]);
  const pipeline = createPipeline(directory, registryOf, report, limit);
  const begin = (http: Context, bodyLimit: number, bodyLimitName?: string) =>
    createExchange(http, registry, publicUrl, bodyLimit, bodyLimitName);

  const router = new Router({ sensitive: true });
  const everything = registry.resourceTypes.map(everythingOf);
  listRoutes([root, `${root}/`], root, registry.resourceTypes);
  for (const type of registry.resourceTypes) {
    const collection = `${root}${type.endpoint}`;
    listRoutes([collection], collection, [type]);
    router.post(collection, onResource(type, pipeline.create));
    resourceRoutes(`${collection}/:id`, type);
  }
  const user = registry.resourceType('User');
  if (user) resourceRoutes(`${root}/Me`, user);
  router.post(`${root}/Me`, (http) => run(pipeline.createMe, begin(http, limits.bodyBytes)));
  router.post(`${root}/Bulk`, (http) => run(pipeline.bulk, begin(http, limits.bulkBytes, 'maxPayloadSize')));
  router.post('/scim/:connection/oauth/token', (http) =>
    run(pipeline.accessToken, begin(http, limits.formBytes)),
  );
  for (const { path, isPublic, hasDocuments, answer } of createDiscoveryEndpoints()) {
    const stages = pipeline.documents(isPublic, (exchange) => answer(exchange, exchange.http.params.key));
    const onDocuments = (http: Context) => run(stages, begin(http, limits.bodyBytes));
    router.get(`${root}${path}`, onDocuments);
    if (hasDocuments) router.get(`${root}${path}/:key`, onDocuments);
  }
  return router;

  function listRoutes(paths: string[], base: string, types: readonly ResourceType[]): void {
    const queries = everything.filter(({ resourceType }) => types.includes(resourceType));
    const exchange = (http: Context) => ({ ...begin(http, limits.bodyBytes), queries, page: firstPage });
    router.get(paths, (http) => run(pipeline.list, exchange(http)));
    router.post(`${base}/.search`, (http) => run(pipeline.search, exchange(http)));
    router.all(`${base}/.search`, refuseMethod);
  }

  function resourceRoutes(path: string, type: ResourceType): void {
    router.get(path, onResource(type, pipeline.read)).put(path, onResource(type, pipeline.replace));
    router.patch(path, onResource(type, pipeline.patch)).delete(path, onResource(type, pipeline.remove));
  }

  function onResource(type: ResourceType, stages: Stages<ResourceExchange>) {
    const bodyLimit = type.name === 'Group' ? limits.groupBodyBytes : limits.bodyBytes;
    const { projection } = everythingOf(type);
    return (http: Context) =>
      run(stages, createResourceExchange(begin(http, bodyLimit), type, http.params.id ?? '', projection));
  }
}

async function run<On extends Exchange>(stages: Stages<On>, exchange: On): Promise<void> {
  exchange.http.state.exchange = exchange;
  await runStages(stages, exchange);
}

/** Whether an answer ended because nobody waits for it: the socket says so, or the call that was given up for it. */
function isClientGone(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const ofSocket = ['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE'];
  return ofSocket.some((each) => each === code) || isCancelled(error);
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
