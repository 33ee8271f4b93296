import { z } from 'zod';
import type { AccessCache } from '../access/access-cache.ts';
import type { DirectoryClient } from '../access/directory-client.ts';
import { createAccessRouter } from '../access/router.ts';
import { fieldSchemas, type JsonSchema, schemaText } from './json-schema-text.ts';
import { anchor, linkTo, prose, table } from './markdown.ts';
import { type ProcedureSource, type ProcedureSources, readProcedureSources } from './procedure-sources.ts';
import { reasonAnchor } from './reason-anchor.ts';

interface Procedure extends ProcedureSource {
  /** Such as `roles.ofUser`. */
  readonly path: string;
  readonly kind: string;
  readonly input: JsonSchema;
}

/** What tRPC makes of a procedure. */
interface BuiltProcedure {
  readonly _def: { readonly type: string; readonly inputs: readonly unknown[] };
}

const intro = `<!-- written by \`npm run docs\` from services/access -->

What the access service answers; the README says [how to ask](../../README.md#ask). Types that are not explained here are
those of the attributes of [users](grpc.md#scimv1user) and [groups](grpc.md#scimv1group). An error has in \`data.reason\` one of the
[error reasons](grpc.md#error-reasons), and in \`data.metadata\` what that names.`;

const commonHeading = 'What queries take';
// The constant in trpc.ts with the fields that all queries have.
const commonFields = 'readFields';

/**
 * Writes the reference of the access service, from its router and the comments in the texts of its sources.
 * @throws Error that says which comment is missing
 */
export function trpcReference(texts: readonly string[]): string {
  const sources = readProcedureSources(texts, createAccessRouter.name);
  const procedures = readProcedures(sources);
  const common = sources.fieldsOf(commonFields);
  const types = reachableTypes(sources, procedures);
  const groups = Map.groupBy(procedures, ({ path }) => path.slice(0, path.indexOf('.')));
  const isQuery = ({ input }: Procedure) => [...common.keys()].every((name) => fieldSchemas(input).has(name));
  const query = procedures.find(isQuery);
  return [
    '# The tRPC reference',
    intro,
    [...groups.values()].map((group) => `- ${group.map(({ path }) => linkTo(path)).join(', ')}`).join('\n'),
    `## ${commonHeading}`,
    query ? fieldsTable({ ...query, fields: common }, [...common.keys()]) : '',
    ...procedures.flatMap((procedure) => procedureParts(procedure, common, types)),
    '## Types',
    ...[...types].flatMap(([name, text]) => typeParts(name, text, types)),
    '',
  ].join('\n\n');
}

function readProcedures(sources: ProcedureSources): readonly Procedure[] {
  // Nothing is asked of what answers: the router is only looked at.
  const router = createAccessRouter({} as DirectoryClient, {} as AccessCache);
  // The types have them in groups, the object by their whole paths.
  const procedures = router._def.procedures as unknown as Readonly<Record<string, BuiltProcedure>>;
  return Object.entries(procedures).map(([path, { _def }]): Procedure => {
    const source = sources.procedure(path);
    const [input] = _def.inputs;
    if (!(input instanceof z.ZodType)) throw new Error(`${path} has no input schema.`);
    for (const part of ['comment', 'example', 'answer'] as const)
      if (source[part] === '') throw new Error(`${path} lacks its ${missing[part]}.`);
    return {
      ...source,
      path,
      kind: _def.type,
      input: z.toJSONSchema(input, { io: 'input' }),
    };
  });
}

const missing = {
  comment: 'comment: say above it what it answers',
  example: 'example: end the comment above it with @example',
  answer: 'return type: name it behind the parameters of its function',
} as const;

function procedureParts(
  procedure: Procedure,
  common: ReadonlyMap<string, string>,
  types: ReadonlyMap<string, string>,
): string[] {
  const { path, kind, comment, example, answer, input } = procedure;
  const names = [...fieldSchemas(input).keys()];
  const own = names.filter((name) => !common.has(name));
  const shared = names.filter((name) => common.has(name)).map((name) => `\`${name}\``);
  return [
    `## ${path}`,
    prose(comment, reasonLink),
    `A ${kind}; takes [${shared.join(', ')}](#${anchor(commonHeading)})${own.length > 0 ? ' and' : '.'}`,
    ...(own.length > 0 ? [fieldsTable(procedure, own)] : []),
    types.has(answer)
      ? `Answers ${linkToType(answer)}.`
      : `Answers \`${answer.replace(/\s+/g, ' ')}\`${usedTypes(answer, types)}.`,
    code(example),
  ];
}

function fieldsTable({ path, input, fields }: Procedure, names: readonly string[]): string {
  const schemas = fieldSchemas(input);
  const rows = names.map((name) => {
    const { default: preset, ...schema } = schemas.get(name) ?? {};
    const comment = fields.get(name) ?? '';
    if (comment === '') throw new Error(`The field ${name} of ${path} lacks a comment above it.`);
    const need = input.required?.includes(name)
      ? 'required'
      : preset === undefined
        ? ''
        : `\`${JSON.stringify(preset)}\` when absent`;
    return [`\`${name}\``, schemaText(schema), need, prose(comment, reasonLink)];
  });
  return table(['field', 'value', '', 'meaning'], rows);
}

/** The types in the answers, and those in them, by name, in the order in which they come up. */
function reachableTypes(
  sources: ProcedureSources,
  procedures: readonly Procedure[],
): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const open = procedures.map(({ answer }) => answer);
  for (const text of open) {
    for (const name of namesIn(text)) {
      const declared = sources.typeNamed(name);
      if (declared === undefined || found.has(name)) continue;
      found.set(name, declared);
      open.push(declared);
    }
  }
  return found;
}

function typeParts(name: string, text: string, types: ReadonlyMap<string, string>): string[] {
  const others = new Map([...types].filter(([other]) => other !== name));
  const uses = usedTypes(text, others);
  return [`### ${typeHeading(name)}`, code(text), ...(uses === '' ? [] : [`With${uses.slice(1)}.`])];
}

function usedTypes(text: string, types: ReadonlyMap<string, string>): string {
  const used = namesIn(text).filter((name) => types.has(name));
  return used.length === 0 ? '' : `: ${used.map(linkToType).join(', ')}`;
}

// A procedure and a type may differ in letter case alone, which an anchor does not show.
function typeHeading(name: string): string {
  return `type ${name}`;
}

function linkToType(name: string): string {
  return `[${name}](#${anchor(typeHeading(name))})`;
}

/** What may be names of types in a text, each once; those in comments are not meant. */
function namesIn(text: string): readonly string[] {
  const names = text.replace(/\/\*[\s\S]*?\*\//g, '').match(/\b[A-Z]\w+\b/g);
  return [...new Set(names)];
}

function reasonLink(name: string): string | undefined {
  const target = reasonAnchor(name);
  return target && `grpc.md#${target}`;
}

function code(text: string): string {
  return `\`\`\`ts\n${text}\n\`\`\``;
}
