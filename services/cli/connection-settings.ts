import { type Command, Option } from 'commander';
import {
  type AttributeMapping,
  type Connection,
  OnDelete,
  Provider,
  UnknownAttributes,
} from '#proto/rollcall/directory/v1/connection_service.ts';
import { providerName, providerNames, providerOf } from '#rpc/provider-name.ts';
import type { Row } from './print.ts';

/** The settings of a connection as they are given to a command; absent is not given. */
export interface SettingOptions {
  readonly provider?: string;
  readonly strict?: boolean;
  readonly organization?: string;
  readonly uniqueGroupNames?: boolean;
  readonly onDelete?: keyof typeof onDeleteValues;
  /** Attributes after `--require`, and true for `--require-none`. */
  readonly require?: readonly string[];
  readonly requireNone?: true;
  /** Attributes after `--mask`, and true for `--mask-none`. */
  readonly mask?: readonly string[];
  readonly maskNone?: true;
  readonly unknown?: keyof typeof unknownValues;
}

const unknownValues = { drop: UnknownAttributes.DROP, keep: UnknownAttributes.KEEP } as const;
const onDeleteValues = { remove: OnDelete.REMOVE, deactivate: OnDelete.DEACTIVATE } as const;

/** Gives a command the options of a connection's settings. */
export function addSettingOptions(command: Command): Command {
  return command
    .addOption(new Option('--provider <provider>', 'the identity provider').choices(providerNames))
    .option('--strict', 'hold the identity provider to RFC 7643 and 7644 to the letter')
    .option('--no-strict', 'repair what identity providers are known to get wrong')
    .option('--organization <label>', 'whose directory it is, for operators; "" for nobody\'s')
    .option('--unique-group-names', 'refuse a group the name of another one')
    .option('--no-unique-group-names', 'let groups share a name')
    .addOption(
      new Option('--on-delete <what>', 'what becomes of a user that the identity provider deletes').choices(
        Object.keys(onDeleteValues),
      ),
    )
    .addOption(
      new Option(
        '--require <attribute...>',
        'attributes that users and groups must have, instead of those before: title, name.familyName, urn:…:User:department',
      ).conflicts('requireNone'),
    )
    .option('--require-none', 'require nothing beyond what the schemas do')
    .addOption(
      new Option(
        '--mask <attribute...>',
        'attributes whose values the sync log does not show, instead of those before: title, name.familyName',
      ).conflicts('maskNone'),
    )
    .option('--mask-none', 'mask only secrets in the sync log')
    .addOption(
      new Option('--unknown <what>', 'what becomes of attributes that no schema knows').choices(
        Object.keys(unknownValues),
      ),
    );
}

/** The fields of a request that asks for settings; what was not given is absent. */
export function settingsRequest(options: SettingOptions) {
  const { strict, organization, uniqueGroupNames, onDelete, require, requireNone } = options;
  const { mask, maskNone, unknown } = options;
  const provider = options.provider === undefined ? undefined : providerOf(options.provider);
  return {
    provider: provider ?? Provider.UNSPECIFIED,
    strict,
    organization,
    uniqueGroupNames,
    onDelete: onDelete === undefined ? OnDelete.UNSPECIFIED : onDeleteValues[onDelete],
    requiredAttributes: require ?? (requireNone ? [] : undefined),
    maskedAttributes: mask ?? (maskNone ? [] : undefined),
    unknownAttributes: unknown === undefined ? UnknownAttributes.UNSPECIFIED : unknownValues[unknown],
  };
}

/** Where the parts of users' identities are, for people and programs. */
export function mappingRow(mapping: AttributeMapping | undefined): Row {
  return { loginFrom: mapping?.login, emailFrom: mapping?.email, externalIdFrom: mapping?.externalId };
}

/** What a connection declares, and what of it is not folded again yet, for people and programs. */
export function extensionsRow({ extensions, refolding }: Connection): Row {
  return {
    extensions: extensions.flatMap(({ schema }) => schema?.id ?? []),
    ...(refolding && { refolding: refolding.attributes }),
  };
}

/** The settings of a connection, for people and programs. */
export function settingsRow(connection: Connection): Row {
  const { provider, strict, organization, uniqueGroupNames, onDelete, requiredAttributes } = connection;
  const { maskedAttributes, unknownAttributes } = connection;
  return {
    organization,
    provider: providerName(provider),
    strict,
    uniqueGroupNames,
    onDelete: onDelete === OnDelete.DEACTIVATE ? 'deactivate' : 'remove',
    requiredAttributes,
    maskedAttributes,
    unknownAttributes: unknownAttributes === UnknownAttributes.KEEP ? 'keep' : 'drop',
  };
}
