import { z } from 'zod';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { PageRequest } from '#proto/rollcall/directory/v1/reads.ts';
import { ComparisonOperator, Filter } from '#proto/rollcall/scim/v1/filter.ts';
import { RpcError } from '#rpc/rpc-error.ts';

/** Text that an attribute's value is compared with. */
export const attributeText = z.string().min(1).max(1_024);

/** The id of a user or group; one of another form than the directory makes is not found. */
export const resourceId = z.string().min(1).max(64);

/** The fields of every query that answers a page. */
export const pageFields = {
  /** How many results at most, 0 to 1,000; 100 when absent. 0 answers the total alone. */
  pageSize: z.int().min(0).max(1_000).optional(),
  /** The `nextPageToken` of the page before, asked for with the same filter. */
  pageToken: z.string().min(1).max(4_096).optional(),
};

/** The page that `pageFields` ask for. */
export function pageRequest(input: {
  pageSize?: number | undefined;
  pageToken?: string | undefined;
}): PageRequest {
  return PageRequest.fromPartial({
    pageSize: input.pageSize,
    start: input.pageToken === undefined ? undefined : { $case: 'pageToken', value: input.pageToken },
  });
}

/** The filter `path eq "text"`; `path` is a core attribute, or one of its parts after a dot. */
export function equalsFilter(path: string, text: string): Filter {
  const [attribute = '', subAttribute = ''] = path.split('.');
  return Filter.fromPartial({
    node: {
      $case: 'comparison',
      value: {
        path: { attribute, subAttribute },
        operator: ComparisonOperator.EQ,
        literal: { value: { $case: 'text', value: text } },
      },
    },
  });
}

/** The field among `names` that a query gives, with its value. */
export interface GivenField<Name extends string> {
  /** Which one. */
  readonly name: Name;
  /** Its value. */
  readonly value: string;
}

type FieldsInput<Name extends string> = { readonly [name in Name]?: string | undefined };

/** The one field among `names` that is given; undefined when none is. Throws RpcError REQUEST_INVALID for several. */
export function atMostOneField<Name extends string>(
  input: FieldsInput<Name>,
  names: readonly Name[],
): GivenField<Name> | undefined {
  const given = names.flatMap((name) => {
    const value = input[name];
    return value === undefined ? [] : [{ name, value }];
  });
  if (given.length <= 1) return given[0];
  throw new RpcError(ErrorReason.REQUEST_INVALID, `Send one of ${names.join(', ')}, not several.`, {
    field: given[1]?.name ?? '',
  });
}

/** The one field among `names` that is given. Throws RpcError REQUEST_INVALID for none or several. */
export function oneField<Name extends string>(
  input: FieldsInput<Name>,
  names: readonly Name[],
): GivenField<Name> {
  const given = atMostOneField(input, names);
  if (given) return given;
  throw new RpcError(ErrorReason.REQUEST_INVALID, `Send one of ${names.join(', ')}.`, {
    field: names[0] ?? '',
  });
}
