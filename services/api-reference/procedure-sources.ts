import { type ESTree, type ParseResult, parseSync } from 'rolldown/utils';

/** A procedure as its router file writes it. */
export interface ProcedureSource {
  /** Its documentation, without the example. */
  readonly comment: string;
  /** The example; empty when it has none. */
  readonly example: string;
  /** The type of its answer, or of the messages of a subscription, as written. */
  readonly answer: string;
  /** What is said of the fields of its input, by name. */
  readonly fields: ReadonlyMap<string, string>;
}

/** What the sources of the access service say of its procedures. */
export interface ProcedureSources {
  /** A procedure, such as `roles.ofUser`. Throws an Error that says what is missing. */
  procedure(path: string): ProcedureSource;
  /** What is said of the fields of an object that is a constant, by name. */
  fieldsOf(constant: string): ReadonlyMap<string, string>;
  /** The declaration of a type, with its comments; undefined when there is none of this name. */
  typeNamed(name: string): string | undefined;
}

interface Source {
  readonly text: string;
  readonly program: ESTree.Program;
  readonly comments: ParseResult['comments'];
}

/** A node, where it stands, and the comment before the declaration or property that it is the value of. */
interface Place<Node = ESTree.Node> {
  readonly source: Source;
  readonly node: Node;
  readonly comment: string;
}

// What the type of an answer is wrapped in.
const wrappers = new Set(['Promise', 'AsyncGenerator', 'TrackedEnvelope']);

/** Reads the sources of routers and of what they are made of. `root` is the function that makes the router of routers. */
export function readProcedureSources(texts: readonly string[], root: string): ProcedureSources {
  const sources = texts.map(readSource);
  const constants = new Map(sources.map((source) => [source, constantsOf(source)]));
  const routers = new Map(sources.flatMap(routersOf));
  const types = new Map(sources.flatMap(typesOf));

  /** A constant of the same file, or else of another one. */
  function constant(source: Source, name: string): Place | undefined {
    const elsewhere = [...constants.values()].map((others) => others.get(name));
    return constants.get(source)?.get(name) ?? elsewhere.find((place) => place !== undefined);
  }

  /** What is said of the fields of an object, or of the schema of one. */
  function fieldsOf({ source, node }: Omit<Place, 'comment'>): ReadonlyMap<string, string> {
    if (node.type === 'Identifier') {
      const named = constant(source, node.name);
      return named ? fieldsOf(named) : new Map();
    }
    const object = node.type === 'CallExpression' ? node.arguments[0] : node;
    if (object?.type !== 'ObjectExpression') return new Map();
    return new Map(
      object.properties.flatMap((property): (readonly [string, string])[] => {
        if (property.type === 'SpreadElement') return [...fieldsOf({ source, node: property.argument })];
        const own = commentBefore(source, property.start);
        return [[nameOf(property.key), own || commentOfValue({ source, node: property.value })]];
      }),
    );
  }

  /** What is said of the constant that a schema begins with, such as that of `resourceId.optional()`. */
  function commentOfValue({ source, node }: Omit<Place, 'comment'>): string {
    if (node.type === 'CallExpression') return commentOfValue({ source, node: node.callee });
    if (node.type === 'Identifier') return constant(source, node.name)?.comment ?? '';
    if (node.type !== 'MemberExpression') return '';
    const field = fieldsOf({ source, node: node.object }).get(nameOf(node.property));
    return field ?? commentOfValue({ source, node: node.object });
  }

  return {
    typeNamed: (name) => types.get(name),
    fieldsOf(name) {
      const found = [...constants.values()]
        .map((others) => others.get(name))
        .find((place) => place !== undefined);
      return found ? fieldsOf(found) : new Map();
    },
    procedure(path) {
      const [group = '', name = ''] = path.split('.');
      const creation = routers.get(root)?.get(group)?.node;
      const creator = creation?.type === 'CallExpression' ? nameOf(creation.callee) : '';
      const place = routers.get(creator)?.get(name);
      if (place === undefined) throw new Error(`No router has ${path}.`);
      const { source, node } = place;
      const [comment = '', example = ''] = place.comment.split(/\s*@example\n/);
      const input = inputOf(node);
      return {
        comment,
        example,
        answer: answerOf(place),
        fields: input ? fieldsOf({ source, node: input }) : new Map(),
      };
    },
  };
}

function readSource(text: string): Source {
  const { program, comments, errors } = parseSync('source.ts', text);
  const [error] = errors;
  if (error) throw new Error(error.message);
  return { text, program, comments };
}

/** The declarations of a file, those that it exports included. */
function declarationsOf({
  program,
}: Source): readonly { readonly start: number; readonly node: ESTree.Node }[] {
  return program.body.flatMap((statement) => {
    const node = statement.type === 'ExportNamedDeclaration' ? statement.declaration : statement;
    return node ? [{ start: statement.start, node }] : [];
  });
}

function constantsOf(source: Source): ReadonlyMap<string, Place> {
  return new Map(
    declarationsOf(source).flatMap(({ start, node }) => {
      if (node.type !== 'VariableDeclaration') return [];
      const comment = commentBefore(source, start);
      return node.declarations.flatMap(({ id, init }): [string, Place][] =>
        init ? [[nameOf(id), { source, node: init, comment }]] : [],
      );
    }),
  );
}

/** What the functions of a file that make routers put into them. */
function routersOf(source: Source): readonly [string, ReadonlyMap<string, Place>][] {
  return declarationsOf(source).flatMap(({ node }): [string, ReadonlyMap<string, Place>][] => {
    if (node.type !== 'FunctionDeclaration' || !node.id || !node.body) return [];
    const result = node.body.body.find((statement) => statement.type === 'ReturnStatement')?.argument;
    if (result?.type !== 'CallExpression' || nameOf(result.callee) !== 'router') return [];
    const [object] = result.arguments;
    const properties = object?.type === 'ObjectExpression' ? object.properties : [];
    const entries = properties.flatMap((property): [string, Place][] => {
      if (property.type === 'SpreadElement') return [];
      const comment = commentBefore(source, property.start);
      return [[nameOf(property.key), { source, node: property.value, comment }]];
    });
    return [[node.id.name, new Map(entries)]];
  });
}

function typesOf(source: Source): readonly [string, string][] {
  return declarationsOf(source).flatMap(({ start, node }): [string, string][] => {
    if (node.type !== 'TSInterfaceDeclaration' && node.type !== 'TSTypeAliasDeclaration') return [];
    const doc = docBefore(source, start);
    const comment = doc ? `${source.text.slice(doc.start, doc.end)}\n` : '';
    return [[node.id.name, comment + source.text.slice(node.start, node.end)]];
  });
}

/** The schema in `procedure.input(schema).query(…)`. */
function inputOf(node: ESTree.Node): ESTree.Node | undefined {
  if (node.type !== 'CallExpression' || node.callee.type !== 'MemberExpression') return undefined;
  return nameOf(node.callee.property) === 'input' ? node.arguments[0] : inputOf(node.callee.object);
}

/** The type that the function in `procedure.query(function)` says it returns, without what it is wrapped in. */
function answerOf({ source, node }: Place): string {
  const resolver = node.type === 'CallExpression' ? node.arguments[0] : undefined;
  const isFunction = resolver?.type === 'ArrowFunctionExpression' || resolver?.type === 'FunctionExpression';
  let type = isFunction ? resolver.returnType?.typeAnnotation : undefined;
  while (type?.type === 'TSTypeReference' && wrappers.has(nameOf(type.typeName)))
    type = type.typeArguments?.params[0];
  return type ? source.text.slice(type.start, type.end) : '';
}

function nameOf(node: ESTree.Node): string {
  return node.type === 'Identifier' ? node.name : '';
}

/** The documentation right before a place. */
function docBefore({ text, comments }: Source, start: number): ParseResult['comments'][number] | undefined {
  const last = comments.findLast(({ end }) => end <= start);
  const isDoc = last?.type === 'Block' && last.value.startsWith('*');
  return isDoc && text.slice(last.end, start).trim() === '' ? last : undefined;
}

function commentBefore(source: Source, start: number): string {
  const lines = docBefore(source, start)?.value.slice(1).split('\n') ?? [];
  return lines
    .map((line) => line.replace(/^\s*\* ?/, ''))
    .join('\n')
    .trim();
}
