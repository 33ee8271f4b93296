import { LRUCache } from 'lru-cache';
import type { RoleMapping } from '#proto/rollcall/directory/v1/role_service.ts';
import type { Filter } from '#proto/rollcall/scim/v1/filter.ts';
import type { Logger } from '#runtime/logger.ts';
import type { ResourceType } from '#scim/schema-registry.ts';
import type { RoleMappingsVersion } from '../decision.ts';
import { DirectoryError } from '../errors.ts';
import { createResourceTest, type ResourceTest } from '../filter/resource-test.ts';

/** A mapping, ready to be asked about users. */
export interface CompiledMapping {
  /** The mapping. */
  readonly mapping: RoleMapping;
  /** The condition on the user, where it is about one. */
  readonly test: ResourceTest | undefined;
  /** Whether the condition is about the user's groups. */
  readonly readsGroups: boolean;
}

/** A version of the mappings, ready to be asked about users. */
export interface CompiledMappings {
  /** The version. */
  readonly version: number;
  /** The mappings, by id. */
  readonly mappings: readonly CompiledMapping[];
}

/** Compiles versions of mappings, each once for as long as it is asked for. */
export interface MappingsCompiler {
  /** Compiles a version that is, or was, in force. */
  compile(connection: string, userType: ResourceType, version: RoleMappingsVersion): CompiledMappings;
  /** What was compiled before. */
  known(connection: string, userType: ResourceType, version: number): CompiledMappings | undefined;
}

// In all versions that are held; one is of some hundred bytes, mostly.
const maxMappings = 50_000;

/** Makes a compiler. A mapping whose filter names what is no attribute any more is left out and logged. */
export function createMappingsCompiler(logger: Logger): MappingsCompiler {
  interface Compiled {
    readonly userType: ResourceType;
    readonly compiled: CompiledMappings;
  }
  // A version never changes.
  const versions = new LRUCache<string, Compiled>({
    maxSize: maxMappings,
    sizeCalculation: ({ compiled }) => 1 + compiled.mappings.length,
  });
  const keyOf = (connection: string, version: number) => `${connection}/${version}`;
  return {
    known(connection, userType, version) {
      const found = versions.get(keyOf(connection, version));
      // Other definitions of attributes make another test of the same filter.
      return found?.userType === userType ? found.compiled : undefined;
    },
    compile(connection, userType, { version, mappings }) {
      const compiled = {
        version,
        mappings: compileMappings(userType, mappings.mappings, (mapping, { message }) =>
          logger.warn({ connection, mapping, problem: message }, 'a role mapping gives nobody its roles'),
        ),
      };
      versions.set(keyOf(connection, version), { userType, compiled });
      return compiled;
    },
  };
}

/** Compiles mappings and brings them in the order of their ids; those that are not possible are left out and told of. */
export function compileMappings(
  userType: ResourceType,
  mappings: readonly RoleMapping[],
  onImpossible: (mapping: string, problem: DirectoryError) => void,
): readonly CompiledMapping[] {
  return mappings
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
    .flatMap((mapping): CompiledMapping[] => {
      const { subject } = mapping;
      if (subject?.$case !== 'userFilter') return [{ mapping, test: undefined, readsGroups: false }];
      try {
        const test = createResourceTest(userType, subject.value);
        return [{ mapping, test, readsGroups: namesGroups(subject.value) }];
      } catch (error) {
        if (!(error instanceof DirectoryError)) throw error;
        onImpossible(mapping.id, error);
        return [];
      }
    });
}

function namesGroups({ node }: Filter): boolean {
  switch (node?.$case) {
    case 'and':
    case 'or':
      return node.value.filters.some(namesGroups);
    case 'not':
      return namesGroups(node.value);
    case 'comparison':
    case 'valuePath':
      return isGroups(node.value.path);
    case 'present':
      return isGroups(node.value);
    default:
      return false;
  }
}

// A declared extension may have an attribute of that name too; reading the groups then costs a query and harms nothing.
function isGroups(path: { readonly attribute: string } | undefined): boolean {
  return path?.attribute.toLowerCase() === 'groups';
}
