import { Registry } from 'prom-client';
import {
  CreateConnectionRequest,
  CreateServiceTokenRequest,
} from '#proto/rollcall/directory/v1/connection_service.ts';
import { readConfig } from '#runtime/config.ts';
import { gatewayConfig } from '../../gateway/config.ts';
import { startGateway } from '../../gateway/start-gateway.ts';
import { createRollcall } from '../../services/access/client.ts';
import { accessConfig } from '../../services/access/config.ts';
import { startAccess } from '../../services/access/start-access.ts';
import { type DirectoryClients, startTestDirectory, testLogger } from './directory.ts';

/** A connection to drive over SCIM. */
export interface TestConnection {
  /** Its id. */
  readonly id: string;
  /** The bearer token of its identity provider. */
  readonly token: string;
  /** Its SCIM base URL, without a trailing slash. */
  readonly baseUrl: string;
}

/** A gateway of a Rollcall. */
export interface TestGateway extends AsyncDisposable {
  /** `http://host:port`. */
  readonly address: string;
  /** What it counts. */
  readonly metrics: Registry;
  /** A connection as it is reached through this gateway. */
  to(connection: TestConnection): TestConnection;
}

/** An access service of a Rollcall. */
export interface TestAccess extends AsyncDisposable {
  /** `http://host:port`. */
  readonly address: string;
  /** What it counts. */
  readonly metrics: Registry;
  /** A typed client that may ask about these connections. */
  clientFor(...connections: readonly TestConnection[]): Promise<ReturnType<typeof createRollcall>>;
}

/** A whole Rollcall in this process, on a database of its own. */
export interface TestRollcall extends AsyncDisposable {
  /** The database that all of it stands on, and the directory's metrics. */
  readonly database: { readonly uri: string; readonly metrics: Registry };
  /** Where keys and credentials lie. */
  readonly dataDir: string;
  /** The directory's services with the operator's credential. */
  readonly directory: DirectoryClients;
  /** `host:port` of the directory. */
  readonly directoryAddress: string;
  /** `http://host:port` of the gateway. */
  readonly gatewayUrl: string;
  /** `http://host:port` of the access service. */
  readonly accessUrl: string;
  /** Creates a connection. */
  connect(options?: {
    strict?: boolean;
    name?: string;
    maskedAttributes?: string[];
  }): Promise<TestConnection>;
  /** A further gateway before the same directory, with settings of its own. */
  startGateway(settings: Readonly<Record<string, string>>): Promise<TestGateway>;
  /** A further access service before the same directory, with settings and clocks of its own. */
  startAccess(
    settings: Readonly<Record<string, string>>,
    clocks?: Pick<Parameters<typeof startAccess>[1], 'clock' | 'elapsed'>,
  ): Promise<TestAccess>;
  /** A typed client of the access service that may ask about these connections. */
  accessFor(...connections: readonly TestConnection[]): Promise<ReturnType<typeof createRollcall>>;
}

/**
 * Directory, access and gateway, with real gRPC between them; `onCommand` hears every command sent to the database, and
 * `clock` is what the directory reads the time from.
 */
export async function startRollcall(
  onCommand?: Parameters<typeof startTestDirectory>[2],
  clock?: Parameters<typeof startTestDirectory>[3],
): Promise<TestRollcall> {
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await startTestDirectory(undefined, undefined, onCommand, clock));
  const common = {
    ROLLCALL_DATA_DIR: directory.dataDir,
    ROLLCALL_DIRECTORY_ADDRESS: directory.address,
    ROLLCALL_ACCESS_PORT: '0',
    ROLLCALL_GATEWAY_PORT: '0',
    // Only tests of the limit are to run into it.
    ROLLCALL_RATE_LIMIT: '0',
    // Most tests ask for what they have just written, and do not say from which position on.
    ROLLCALL_MAX_STALENESS: '0',
  };
  const { connections } = directory.clients;
  async function accessWith(
    settings: Readonly<Record<string, string>>,
    clocks: Pick<Parameters<typeof startAccess>[1], 'clock' | 'elapsed'> = {},
  ): Promise<TestAccess> {
    const metrics = new Registry();
    const config = readConfig(accessConfig, { ...common, ...settings });
    const access = await startAccess(config, { ...clocks, logger: testLogger('access'), metrics });
    return {
      ...access,
      metrics,
      async clientFor(...asked) {
        const { secret } = await connections.createServiceToken(
          CreateServiceTokenRequest.fromPartial({ label: 'test', connectionIds: asked.map(({ id }) => id) }),
        );
        return createRollcall({ url: access.address, token: secret });
      },
    };
  }
  const access = stack.use(await accessWith({}));
  async function gatewayWith(settings: Readonly<Record<string, string>>): Promise<TestGateway> {
    const metrics = new Registry();
    const config = readConfig(gatewayConfig, { ...common, ...settings });
    const gateway = await startGateway(config, { logger: testLogger('gateway'), metrics });
    const to = ({ id, token }: TestConnection) => ({
      id,
      token,
      baseUrl: `${gateway.address}/scim/${id}/v2`,
    });
    return { ...gateway, metrics, to };
  }
  const gateway = stack.use(await gatewayWith({}));
  const running = stack.move();
  return {
    database: { uri: directory.uri, metrics: directory.metrics },
    dataDir: directory.dataDir,
    directory: directory.clients,
    directoryAddress: directory.address,
    gatewayUrl: gateway.address,
    accessUrl: access.address,
    async connect({ strict = false, name = 'test', maskedAttributes = [] } = {}) {
      const { connection, token } = await connections.createConnection(
        CreateConnectionRequest.fromPartial({ name, strict, maskedAttributes }),
      );
      const id = connection?.id ?? '';
      return gateway.to({ id, token, baseUrl: '' });
    },
    startGateway: gatewayWith,
    startAccess: accessWith,
    accessFor: access.clientFor,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
