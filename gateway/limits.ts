/** What a request may have at most; `/ServiceProviderConfig` and error texts read it here. */
export const limits = {
  /** Bytes of a request body. */
  bodyBytes: 4 * 1024 * 1024,
  /** Bytes of a request body for groups: a client that only knows PUT cannot split a group. */
  groupBodyBytes: 16 * 1024 * 1024,
  /** Bytes of the request line and headers, large enough for a filter that is too long to get a SCIM answer. */
  headerBytes: 512 * 1024,
  /** Bytes of a bulk request. */
  bulkBytes: 4 * 1024 * 1024,
  /** Operations of a bulk request. */
  bulkOperations: 1_000,
  /** Levels of nested lists and objects in a request body. */
  jsonDepth: 32,
  /** Names in one object of a request body. */
  jsonNames: 1_000,
  /** Operations of a PATCH; one operation may list any number of members. */
  patchOperations: 1_000,
  /** Resources on one page. */
  pageSize: 1_000,
  /** Resources on one page when the request does not say. */
  defaultPageSize: 100,
  /** Seconds for which a cursor stays good: those that the directory gives its page tokens. */
  cursorTimeout: 24 * 60 * 60,
  /** Characters of a bearer token, and of a client's secret. */
  tokenLength: 512,
  /** Characters of a token that is signed and says itself what it is for. */
  signedTokenLength: 8 * 1024,
  /** Seconds between a signed token's issue and its end. */
  signedTokenLifetime: 24 * 60 * 60,
  /** Bytes of an issuer's key set. */
  keySetBytes: 1024 * 1024,
  /** Bytes of the body of a request for an access token. */
  formBytes: 8 * 1024,
  /** Requests that are worked on at once; of one connection at most half of them. */
  requestsAtOnce: 256,
  /** Requests of one connection that are worked on at once while another has sent one of so many last ones. */
  besideOthers: { atOnce: 4, ofLast: 256 },
  /** Seconds for which a connection can save up its rate of requests, to spend them at once. */
  burstSeconds: 10,
  /** A refusal with 429 is held for so many milliseconds, fewer than Retry-After says; of one sender so many at once, and what is more not at all. */
  refusals: { leastMs: 250, mostMs: 750, held: 1_000 },
  /** Requests with a token that is refused, of one client address: how many at once, and how many more with each second. */
  failures: { burst: 500, perSecond: 20 },
  /** Requests for an access token that the sync log takes up of clients whose secret is wrong: how many at once, and so on. */
  claimsLogged: {
    ofConnection: { burst: 20, perSecond: 1 / 60 },
    ofAll: { burst: 200, perSecond: 10 },
  },
} as const;
