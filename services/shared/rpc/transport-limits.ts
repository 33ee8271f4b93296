/** The largest request message that a server reads and a client sends, in bytes; more is RESOURCE_EXHAUSTED. */
export const maximumRequestBytes = 32 * 1024 * 1024;

/** The largest response message that a server sends and a client reads, in bytes; long answers are streams of them. */
export const maximumResponseBytes = 8 * 1024 * 1024;

/** Channel options that spare the bookkeeping of every call and message for a service that nobody asks. */
export const withoutChannelz = { 'grpc.enable_channelz': 0 };

/** Channel options that end a connection whose other side vanished without closing it, within 25 seconds. */
export const keepalive = { 'grpc.keepalive_time_ms': 20_000, 'grpc.keepalive_timeout_ms': 5_000 };
