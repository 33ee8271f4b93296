import type { ResourceType } from '#scim/schema-registry.ts';
import { everythingOf, type TypeQuery } from '../scim/list-query.ts';
import { isListExchange, isResourceExchange, type Stage } from './exchange.ts';

/**
 * Makes the stage that has an exchange speak of the resource types of its connection, which are known since `authenticate`:
 * routes know the built-in ones.
 */
export function createUseOwnTypes(): Stage {
  const queries = new WeakMap<ResourceType, TypeQuery>();

  function everythingOfType(type: ResourceType): TypeQuery {
    const query = queries.get(type) ?? everythingOf(type);
    queries.set(type, query);
    return query;
  }

  return (exchange) => {
    const { registry } = exchange;
    const own = (type: ResourceType) => registry.resourceType(type.name) ?? type;
    if (isListExchange(exchange)) {
      exchange.queries = exchange.queries.map((query) => {
        const type = own(query.resourceType);
        return type === query.resourceType ? query : everythingOfType(type);
      });
    } else if (isResourceExchange(exchange) && own(exchange.resourceType) !== exchange.resourceType) {
      exchange.resourceType = own(exchange.resourceType);
      exchange.projection = everythingOfType(exchange.resourceType).projection;
    }
  };
}
