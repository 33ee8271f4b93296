import {
  createFileRegistry,
  type DescEnum,
  type DescField,
  type DescFile,
  type DescMessage,
  type DescMethod,
  type DescService,
  fromBinary,
  ScalarType,
} from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { getComments } from '@bufbuild/protoplugin';
import { ErrorReason } from '#proto/rollcall/directory/v1/error_reason.ts';
import { type CallerRole, callerToken, createCallerCheck } from '#rpc/caller.ts';
import { reasonTrpcCodes } from '../access/trpc-errors.ts';
import { anchor, linkTo, prose, table } from './markdown.ts';
import { reasonAnchor, reasonPrefix } from './reason-anchor.ts';

const ownPackage = 'rollcall.directory.v1';
const callerRoles: readonly CallerRole[] = ['gateway', 'access', 'service', 'admin'];

/** Writes the reference of all that can be called over gRPC, from the descriptors with their comments. */
export function grpcReference(descriptors: Uint8Array): string {
  const { files } = createFileRegistry(fromBinary(FileDescriptorSetSchema, descriptors));
  const byName = [...files].sort((a, b) => (a.name < b.name ? -1 : 1));
  const services = byName
    .filter(({ proto }) => proto.package === ownPackage)
    .flatMap((file) => file.services);
  const types = reachableTypes(services);
  return [
    '# The gRPC reference',
    intro,
    services
      .map(({ name, methods }) => `- ${linkTo(name)}: ${methods.map(methodLink).join(', ')}`)
      .join('\n'),
    ...services.flatMap(serviceParts),
    '## Messages',
    ...byName.flatMap((file) =>
      typesOf(file)
        .filter((type) => types.has(type))
        .map(typePart),
    ),
    '## Error reasons',
    reasonsPart(byName),
    '',
  ].join('\n\n');
}

const intro = `<!-- written by \`npm run docs\` from proto/ -->

What the directory answers. The contracts are in [proto/rollcall](../../proto/rollcall), and server reflection is on, so that
\`grpcurl\` and the like know them too. Every call carries a caller credential as metadata \`authorization: Bearer <token>\`; each
says which roles it is open to. Services in your language have the role \`service\`, for TypeScript there is [tRPC](trpc.md). Errors
carry a [reason](#error-reasons).`;

function serviceParts(service: DescService): string[] {
  return [`## ${service.name}`, commentOf(service), ...service.methods.flatMap(methodParts)];
}

function methodParts(method: DescMethod): string[] {
  const { parent, name, input, output, methodKind } = method;
  const check = createCallerCheck([Buffer.alloc(32)]);
  const path = `/${parent.typeName}/${name}`;
  const open = callerRoles.filter((role) => {
    try {
      return check(callerToken(Buffer.alloc(32), role), path);
    } catch {
      return false;
    }
  });
  const streams = methodKind === 'server_streaming' ? 'a stream of ' : '';
  return [
    `### ${parent.name}.${name}`,
    `${linkTo(titleOf(input))} → ${streams}${linkTo(titleOf(output))}; for ${open.join(', ')}`,
    commentOf(method),
  ];
}

function typePart(type: DescMessage | DescEnum): string {
  const heading = [`### ${titleOf(type)}`, commentOf(type)];
  if (type.kind === 'enum') {
    const rows = type.values.map((value) => [`\`${value.name}\``, String(value.number), commentOf(value)]);
    return [...heading, table(['value', 'number', 'meaning'], rows)].join('\n\n');
  }
  if (type.fields.length === 0) return heading.join('\n\n');
  const rows = type.members.flatMap((member) =>
    member.kind === 'field'
      ? [fieldRow(member)]
      : [
          [`\`${member.name}\``, '', 'one of', commentOf(member)],
          ...member.fields.map((field) => fieldRow(field, '— ')),
        ],
  );
  return [...heading, table(['field', 'number', 'type', 'meaning'], rows)].join('\n\n');
}

function fieldRow(field: DescField, indent = ''): string[] {
  return [`${indent}\`${field.name}\``, String(field.number), fieldType(field), commentOf(field)];
}

function fieldType(field: DescField): string {
  switch (field.fieldKind) {
    case 'list':
      return `repeated ${valueType(field.scalar, field.message ?? field.enum)}`;
    case 'map':
      return `map of ${scalarName(field.mapKey)} to ${valueType(field.scalar, field.message ?? field.enum)}`;
    case 'message':
      return valueType(undefined, field.message);
    default:
      return `${field.proto.proto3Optional ? 'optional ' : ''}${valueType(field.scalar, field.enum)}`;
  }
}

function valueType(scalar: ScalarType | undefined, type: DescMessage | DescEnum | undefined): string {
  if (scalar !== undefined) return scalarName(scalar);
  if (type === undefined) return '';
  return isOurs(type) ? linkTo(titleOf(type)) : type.typeName;
}

function scalarName(scalar: ScalarType): string {
  return ScalarType[scalar].toLowerCase();
}

/** Types of other packages are told apart by the package. */
function titleOf(type: DescMessage | DescEnum): string {
  return type.typeName.replace(`${ownPackage}.`, '').replace(/^rollcall\./, '');
}

function isOurs(type: DescMessage | DescEnum): boolean {
  return type.file.proto.package.startsWith('rollcall.');
}

function methodLink({ parent, name }: DescMethod): string {
  return `[${name}](#${anchor(`${parent.name}.${name}`)})`;
}

/** The messages and enums of a file, each before those that are declared in it. */
function typesOf(file: DescFile | DescMessage): readonly (DescMessage | DescEnum)[] {
  const [messages, enums] =
    file.kind === 'file' ? [file.messages, file.enums] : [file.nestedMessages, file.nestedEnums];
  const own = messages.filter((message) => message.proto.options?.mapEntry !== true);
  return [...own.flatMap((message) => [message, ...typesOf(message)]), ...enums];
}

/** What calls take and answer, and all that is in it. */
function reachableTypes(services: readonly DescService[]): ReadonlySet<DescMessage | DescEnum> {
  const found = new Set<DescMessage | DescEnum>();
  const open: (DescMessage | DescEnum)[] = services.flatMap(({ methods }) =>
    methods.flatMap(({ input, output }) => [input, output]),
  );
  for (const type of open) {
    if (found.has(type) || !isOurs(type)) continue;
    found.add(type);
    if (type.kind === 'message')
      open.push(...type.fields.flatMap(({ message, enum: one }) => message ?? one ?? []));
  }
  return found;
}

function reasonsPart(files: readonly DescFile[]): string {
  const reasons = files
    .flatMap(({ enums }) => enums)
    .find(({ typeName }) => typeName === `${ownPackage}.ErrorReason`);
  const rows = (reasons?.values ?? [])
    .filter(({ number }) => number !== 0)
    .map((value) => {
      const reason = Object.values(ErrorReason).find((known) => known === value.name);
      if (reason === undefined) throw new Error(`${value.name} is not generated: run \`npm run proto\``);
      const name = value.name.replace(reasonPrefix, '');
      const comment = getComments(value).leading?.trim() ?? '';
      return [
        `<a id="${reasonAnchor(name)}"></a>\`${name}\``,
        /\bCode\s+([A-Z_]+)/.exec(comment)?.[1] ?? '',
        reasonTrpcCodes[reason],
        comment,
      ];
    });
  return [
    reasons ? commentOf(reasons) : '',
    table(['reason', 'gRPC code', 'tRPC code', 'meaning'], rows),
  ].join('\n\n');
}

function commentOf(described: Parameters<typeof getComments>[0]): string {
  const { leading = '' } = getComments(described);
  const lines = leading.split('\n').map((line) => line.replace(/^ /, ''));
  return prose(lines.join('\n').trim(), (name) => {
    const target = reasonAnchor(name);
    return target && `#${target}`;
  });
}
