import type { ClientSession } from 'mongodb';
import type { Extension } from '#proto/rollcall/directory/v1/connection_service.ts';
import { createDeclaredRegistry } from '#scim/declared-extensions.ts';
import type { SchemaRegistry } from '#scim/schema-registry.ts';
import { defaultAttributeMapping, parseAttributeMapping } from './attribute-mapping.ts';
import { extensionInvalid } from './check-extension.ts';
import type { RoleMappingsVersion } from './decision.ts';
import { connectionNotFound, DirectoryError } from './errors.ts';
import { createResourceTest } from './filter/resource-test.ts';
import { parseMaskedAttributes } from './masked-attributes.ts';
import { typeIn } from './mongo/connection-types.ts';
import type { Database } from './mongo/database.ts';
import { type ConnectionDocument, type HeadDocument, noRoleMappings } from './mongo/documents.ts';
import { firstMappings, readRoleMappings } from './mongo/role-mappings-store.ts';
import { parseRequiredAttributes } from './required-attributes.ts';

/** A setting of a connection that names an attribute. */
export interface NamingSetting {
  /** The setting, for operators. */
  readonly name: string;
  /** Reads it by definitions of attributes. @throws DirectoryError when it cannot work by them */
  read(registry: SchemaRegistry): unknown;
}

/**
 * The settings of a connection that name attributes, its role mappings included, in the transaction that has read its head:
 * whoever changes them writes the head too. CONNECTION_NOT_FOUND.
 */
export async function readNamingSettings(
  database: Database,
  { connection, roleMappings = noRoleMappings }: HeadDocument,
  session: ClientSession,
): Promise<readonly NamingSetting[]> {
  const found = await database.connections.findOne(database.point(connection, connection), { session });
  if (!found) throw connectionNotFound(connection);
  const inForce = await readRoleMappings(database, connection, roleMappings.version, session);
  return namingSettings(found, inForce ?? firstMappings);
}

/**
 * Refuses a change of the extensions by which a setting that works would work no more.
 * @throws DirectoryError REQUEST_INVALID
 */
export function checkNamingSettings(
  settings: readonly NamingSetting[],
  before: readonly Extension[],
  after: readonly Extension[],
): void {
  const [present, next] = [createDeclaredRegistry(before), createDeclaredRegistry(after)];
  const broken = settings.find((setting) => works(setting, present) && !works(setting, next));
  if (broken)
    throw extensionInvalid(`${broken.name} goes by what would be gone or another; change that setting first`);
}

function works(setting: NamingSetting, registry: SchemaRegistry): boolean {
  try {
    setting.read(registry);
    return true;
  } catch (error) {
    if (error instanceof DirectoryError) return false;
    throw error;
  }
}

function namingSettings(
  { requiredAttributes = [], maskedAttributes = [], attributeMapping }: ConnectionDocument,
  { mappings: { mappings } }: RoleMappingsVersion,
): readonly NamingSetting[] {
  const { login, email, externalId } = attributeMapping ?? defaultAttributeMapping;
  const mapped = { login, email, externalId };
  return [
    ...requiredAttributes.map((path) => ({
      name: `the required attribute ${path}`,
      read: (registry: SchemaRegistry) => parseRequiredAttributes(registry, [path]),
    })),
    ...maskedAttributes.map((path) => ({
      name: `the masked attribute ${path}`,
      read: (registry: SchemaRegistry) => parseMaskedAttributes(registry, [path]),
    })),
    ...Object.entries(mapped).map(([part, path]) => ({
      name: `the attribute mapping of ${part}, ${path},`,
      read: (registry: SchemaRegistry) =>
        parseAttributeMapping(registry, { ...defaultAttributeMapping, [part]: path }),
    })),
    ...mappings.flatMap(({ id, subject }) =>
      subject?.$case === 'userFilter'
        ? {
            name: `the role mapping ${id}`,
            read: (registry: SchemaRegistry) =>
              createResourceTest(typeIn(registry, { name: 'User' }), subject.value),
          }
        : [],
    ),
  ];
}
