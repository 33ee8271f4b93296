import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type Koa from 'koa';
import { Registry } from 'prom-client';
import type { Exchange as ExchangeRecord } from '#proto/rollcall/directory/v1/exchange_service.ts';
import type { Logger } from '#runtime/logger.ts';
import { createDeclaredRegistry } from '#scim/declared-extensions.ts';
import type { JsonObject } from '#scim/json.ts';
import type { PlannedWrite, ReplayReport } from '#scim/replay-report.ts';
import { createApp } from '../app.ts';
import type { ConnectionSettings, DirectoryClient } from '../directory/directory-client.ts';
import { maskedJson } from '../masking/masked-json.ts';
import { createSecrets } from '../masking/secrets.ts';
import { everythingOf } from '../scim/list-query.ts';
import { createResourceRenderer } from '../scim/resource-to-json.ts';
import { unauthorized } from '../scim/scim-error.ts';
import { attributeDifferences } from './attribute-differences.ts';
import { createPlanningCalls, type Plan } from './planning-calls.ts';
import { replayObstacle } from './replay-obstacle.ts';

/** What a replay takes. */
export interface ReplayOptions {
  /** The directory, asked by an operator. */
  readonly directory: DirectoryClient;
  /** What is set for the connection now. */
  readonly settings: ConnectionSettings;
  /** Whether the token that sent the request may only read. */
  readonly readOnly: boolean;
  /** Told of failures that nobody foresaw. */
  readonly logger: Logger;
}

/**
 * Sends a stored request through the gateway's own app again, which runs for this one request on a port of this machine
 * and with a token that only this function knows, over a directory client that decides every write and makes none. Throws
 * an Error that says why when the exchange cannot be replayed.
 */
export async function replayExchange(
  recorded: ExchangeRecord,
  { directory, settings, readOnly, logger }: ReplayOptions,
): Promise<ReplayReport> {
  const obstacle = replayObstacle(recorded);
  if (obstacle !== undefined) throw new Error(obstacle);
  const plans: Plan[] = [];
  const token = randomBytes(32).toString('base64url');
  const userId = recorded.path.startsWith('/Me') ? recorded.resourceId : '';
  const replayed = Promise.withResolvers<ExchangeRecord>();
  const app = createApp({
    directory: {
      ...directory,
      async authenticate(connectionId, digest) {
        const isOurs = createHash('sha256').update(token).digest().equals(digest);
        if (!isOurs || connectionId !== recorded.connectionId) throw unauthorized(true);
        return { ...settings, isPaused: false, tokenId: recorded.tokenId, readOnly, userId };
      },
      resources: (resourceType) =>
        createPlanningCalls(directory.resources(resourceType), resourceType, (plan) => plans.push(plan)),
    },
    publicUrl: () => recorded.baseUrl.replace(/\/scim\/[^/]*\/v2$/, ''),
    clientAddress: () => '127.0.0.1',
    rateLimit: 0,
    recorder: {
      record: (make) => replayed.resolve(new Promise((resolve) => resolve(make()))),
      countStranger: () => replayed.reject(new Error('The replay was not let in.')),
      async [Symbol.asyncDispose]() {},
    },
    logger,
    metrics: new Registry(),
    stopping: new AbortController().signal,
  });
  await sendTo(app, recorded, token);
  return { exchange: await replayed.promise, writes: plans.map(createWriteOf(recorded.baseUrl, settings)) };
}

/** Sends the request over a port that is open for it alone. */
async function sendTo(app: Koa, recorded: ExchangeRecord, token: string): Promise<void> {
  const { connectionId, path, method, headers, requestBody } = recorded;
  const handle = app.callback();
  const server = createServer((request, response) => void handle(request, response));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  try {
    const { port } = server.address() as AddressInfo;
    const response = await fetch(`http://127.0.0.1:${port}/scim/${connectionId}/v2${path}`, {
      method,
      headers: { ...headers, authorization: `Bearer ${token}`, 'x-request-id': 'replay' },
      // As bytes, to which no media type is added that the client did not name.
      ...(requestBody !== '' && { body: Buffer.from(requestBody) }),
    });
    await response.arrayBuffer();
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

/** Makes the function that turns a plan into what people and programs read of it. */
function createWriteOf(
  baseUrl: string,
  { maskedAttributes, extensions }: ConnectionSettings,
): (plan: Plan) => PlannedWrite {
  const registry = createDeclaredRegistry(extensions);
  const secrets = createSecrets(registry, maskedAttributes);
  const renderer = createResourceRenderer(registry, baseUrl);
  return ({ resourceType, id, before, after, members }) => {
    const rendered = (message: Plan['before']): JsonObject => {
      if (message === undefined) return {};
      const json = renderer.render(resourceType, message, everythingOf(resourceType).projection);
      const { text } = maskedJson(json, { secrets, presented: '', maxBytes: Number.MAX_SAFE_INTEGER });
      return JSON.parse(text);
    };
    return {
      action: before === undefined ? 'create' : after === undefined ? 'delete' : 'change',
      resourceType: resourceType.name,
      id,
      differences: attributeDifferences(resourceType, rendered(before), rendered(after)),
      ...(members !== undefined && { members }),
    };
  };
}
