import { createHash } from 'node:crypto';
import type { ListHeader } from '#proto/rollcall/directory/v1/reads.ts';
import type { JsonObject } from '#scim/json.ts';
import type { DirectoryClient } from '../directory/directory-client.ts';
import type { FoundPage } from '../directory/search-call.ts';
import type { ListExchange, Stage } from '../http/exchange.ts';
import { textWithItems } from '../scim/json-text.ts';
import type { ListPage } from '../scim/list-query.ts';
import { readNames } from '../scim/projection.ts';
import { resourceText } from '../scim/resource-text.ts';
import { createResourceRenderer } from '../scim/resource-to-json.ts';
import { callOf } from './directory-call.ts';
import { maskOf } from './read-mask.ts';

/** Makes the stage that asks the directory for a page and answers with a ListResponse (RFC 7644, section 3.4.2). */
export function createListStage(directory: DirectoryClient): Stage<ListExchange> {
  return async (exchange) => {
    const { queries, page, tokenId } = exchange;
    const mask = maskOf(queries.map(({ projection }) => projection));
    const binding = 'cursor' in page.start ? bindingOf(exchange) : Buffer.alloc(0);
    const walk = { walker: tokenId, binding };
    const found = await directory.search(callOf(exchange), queries, page, walk, mask);
    exchange.answer = {
      status: 200,
      body: textWithItems(envelopeOf(page, found.header), 'Resources', textsOf(exchange, found)),
    };
  };

  async function* textsOf({ registry, baseUrl, queries }: ListExchange, { resources }: FoundPage) {
    const renderer = createResourceRenderer(registry, baseUrl);
    for await (const some of resources) {
      if (some.length === 0) continue;
      const texts = some.flatMap((found) => {
        const query = queries.find(({ resourceType }) => resourceType.name === found.type);
        return query ? [resourceText(renderer, query.resourceType, found, query.projection)] : [];
      });
      // An answer of many small pieces takes longer to send than to make.
      if (texts.every((text) => typeof text === 'string')) yield texts.join();
      else yield* texts;
    }
  }
}

function envelopeOf({ start }: ListPage, header: ListHeader): JsonObject {
  const { totalSize, pageSize, nextPageToken, previousPageToken } = header;
  return {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
    totalResults: totalSize,
    itemsPerPage: pageSize,
    ...('index' in start && { startIndex: start.index }),
    ...('cursor' in start && nextPageToken !== '' && { nextCursor: nextPageToken }),
    ...('cursor' in start && previousPageToken !== '' && { previousCursor: previousPageToken }),
  };
}

/** A walk by cursor keeps to the attributes it began with (RFC 9865, section 2); the directory knows the rest of the query. */
function bindingOf({ parameters }: ListExchange): Buffer {
  const asked = ['attributes', 'excludedAttributes'].map((name) => readNames(parameters, name) ?? null);
  return createHash('sha256').update(JSON.stringify(asked).toLowerCase()).digest();
}
