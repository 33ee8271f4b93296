import assert from 'node:assert/strict';

/** A server-sent event. */
export interface ServerEvent {
  /** Its kind; `message` for data. */
  readonly event: string;
  /** Its id, empty when it has none. */
  readonly id: string;
  /** What it says, of JSON; undefined when it says nothing. */
  readonly data: unknown;
}

/** Opens a stream of server-sent events with a bearer token. Ends when the server ends it; leaving it closes it. */
export async function* openEventStream(
  url: URL,
  { token, lastEventId }: { token: string; lastEventId?: string },
): AsyncGenerator<ServerEvent> {
  const response = await fetch(url, {
    headers: {
      accept: 'text/event-stream',
      authorization: `Bearer ${token}`,
      ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
    },
  });
  assert.match(response.headers.get('content-type') ?? '', /^text\/event-stream/);
  assert.ok(response.body);
  let text = '';
  for await (const part of response.body.pipeThrough(new TextDecoderStream())) {
    text += part;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const block = text.slice(0, end).trim();
      text = text.slice(end + 2);
      if (block !== '') yield readEvent(block);
    }
  }
}

function readEvent(block: string): ServerEvent {
  const fields = new Map(
    block.split('\n').map((line) => {
      const [name = '', ...value] = line.split(': ');
      return [name, value.join(': ')] as const;
    }),
  );
  const data = fields.get('data') ?? '';
  return {
    event: fields.get('event') ?? 'message',
    id: fields.get('id') ?? '',
    data: data === '' ? undefined : JSON.parse(data),
  };
}
