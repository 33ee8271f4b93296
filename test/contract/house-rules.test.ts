import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { describe, test } from 'node:test';

/** The project's parts; the first that a path begins with is the one it belongs to. */
const parts = [
  'gateway',
  'services/directory',
  'services/access',
  'services/cli',
  'services/shared',
  'services',
  'proto/gen',
  'proto/plugin',
  'test',
] as const;
type Part = (typeof parts)[number];

/** Which other parts a part may import. Whole processes (`services`) put everything together; tests see all. */
const mayImport: Readonly<Record<Part, readonly Part[]>> = {
  gateway: ['services/shared', 'proto/gen'],
  'services/directory': ['services/shared', 'proto/gen'],
  'services/access': ['services/shared', 'proto/gen'],
  'services/cli': ['services/shared', 'proto/gen'],
  'services/shared': ['proto/gen'],
  services: [
    'gateway',
    'services/directory',
    'services/access',
    'services/cli',
    'services/shared',
    'proto/gen',
  ],
  'proto/gen': ['services/shared'],
  'proto/plugin': ['services/shared'],
  test: parts,
};

/** Modules that only some places may import, apart from tests: a file or, with a slash at the end, a folder. */
const reserved: readonly { what: string; module: RegExp; places: readonly string[] }[] = [
  { what: 'MongoDB', module: /^(mongodb|bson)(\/|$)/, places: ['services/directory/'] },
  {
    what: 'HTTP',
    module: /^(node:)?https?2?$|^(koa|raw-body)(\/|$)|^@koa\/|^@trpc\/|^express|^fastify|^undici/,
    places: ['gateway/', 'services/access/', 'services/shared/runtime/metrics.ts'],
  },
  {
    what: 'gRPC',
    module: /^@grpc\/|^grpc-/,
    places: [
      'services/shared/rpc/',
      'services/directory/rpc/',
      'services/cli/',
      'gateway/directory/',
      'proto/gen/',
    ],
  },
  {
    what: 'the gRPC client',
    module: /^services\/shared\/rpc\/rpc-client\.ts$/,
    places: [
      'gateway/directory/',
      'services/access/directory-client.ts',
      'services/cli/',
      'services/shared/rpc/',
      'services/start-all.ts',
    ],
  },
];

const aliases: Readonly<Record<string, string>> = {
  '#proto/': 'proto/gen/',
  '#scim/': 'services/shared/scim/',
  '#rpc/': 'services/shared/rpc/',
  '#runtime/': 'services/shared/runtime/',
};

const junkDrawers = /(^|[-/])(utils?|helpers?|common|misc|stuff|lib|shared-code)([-./]|$)/;

interface SourceFile {
  /** Below the root of the project. */
  readonly path: string;
  readonly text: string;
}

/** What is wrong with a file, one sentence each. */
function violations({ path, text }: SourceFile): string[] {
  const part = partOf(path);
  assert.ok(part, `${path} is in no part of the project`);
  const found: string[] = [];
  for (const module of importsOf(path, text)) {
    const target = partOf(module);
    if (target && target !== part && !mayImport[part].includes(target)) {
      found.push(`${path} imports ${module}; ${part} may not import ${target}`);
    }
    for (const { what, module: pattern, places } of reserved) {
      const allowed =
        part === 'test' ||
        places.some((place) => (place.endsWith('/') ? path.startsWith(place) : path === place));
      if (pattern.test(module) && !allowed)
        found.push(`${path} imports ${module}; ${what} is for ${places.join(', ')}`);
    }
  }
  if (part === 'proto/gen') return found;
  if (/\bprocess\.env\b/.test(text) && part !== 'test' && !/(^|\/)(main|start-all|cli)\.ts$/.test(path)) {
    found.push(`${path} reads process.env; only main.ts, start-all.ts and cli.ts do`);
  }
  if (/^export default\b/m.test(text)) found.push(`${path} has a default export; give it a name`);
  if (/^(export )?(abstract )?class (?!\w+ extends \w*Error\b)/m.test(text)) {
    found.push(`${path} has a class that is not an error; write a factory function`);
  }
  const name = path.replace('services/shared/', 'services/');
  if (junkDrawers.test(name))
    found.push(`${path} is named like a junk drawer; name it after the one thing in it`);
  if (!/^[a-z0-9]+(-[a-z0-9]+)*(\.test)?\.ts$/.test(basename(path)))
    found.push(`${path} is not in kebab-case`);
  return found;
}

function partOf(path: string): Part | undefined {
  return parts.find((part) => path === part || path.startsWith(`${part}/`));
}

/** Every module a file imports, types included: a path below the root for one of ours, else its name. */
function importsOf(path: string, text: string): string[] {
  const statements = [
    ...text.matchAll(/^(?:import|export)\s[\w\s{},*$]*?from\s*['"](?<module>[^'"]+)['"]/gm),
    ...text.matchAll(/^import\s*['"](?<module>[^'"]+)['"]/gm),
    ...text.matchAll(/\bimport\(\s*['"](?<module>[^'"]+)['"]/g),
  ];
  return statements.map(({ groups }) => {
    const module = groups?.module ?? '';
    if (module.startsWith('.')) return join(dirname(path), module);
    const alias = Object.keys(aliases).find((prefix) => module.startsWith(prefix));
    return alias === undefined ? module : module.replace(alias, aliases[alias] ?? '');
  });
}

async function readSources(): Promise<SourceFile[]> {
  const root = join(import.meta.dirname, '../..');
  const files: SourceFile[] = [];
  for (const folder of ['gateway', 'services', 'proto', 'test']) {
    const entries = await readdir(join(root, folder), { recursive: true, withFileTypes: true });
    for (const entry of entries) {
      if (!entry.isFile() || !entry.name.endsWith('.ts')) continue;
      const absolute = join(entry.parentPath, entry.name);
      files.push({ path: relative(root, absolute), text: await readFile(absolute, 'utf8') });
    }
  }
  return files;
}

describe('the rules of the house', () => {
  test('every source file keeps them', async () => {
    const files = await readSources();
    assert.ok(files.length > 50, `only ${files.length} files were found`);
    // This file is full of examples of what must not be.
    const checked = files.filter(({ path }) => path !== 'test/contract/house-rules.test.ts');
    assert.deepEqual(checked.flatMap(violations), []);
  });

  test('parts see only the parts they may', () => {
    const refused: [string, string][] = [
      ['gateway/app.ts', '../services/directory/errors.ts'],
      ['gateway/routes/users.ts', '../../services/access/router.ts'],
      ['services/directory/resources.ts', '../../gateway/app.ts'],
      ['services/directory/rpc/user-service.ts', '../../access/router.ts'],
      ['services/access/router.ts', '../directory/errors.ts'],
      ['services/cli/print.ts', '../directory/errors.ts'],
      ['services/shared/scim/json.ts', '../../directory/errors.ts'],
      ['services/shared/runtime/logger.ts', '../../start-all.ts'],
      ['gateway/app.ts', '../proto/plugin/protoc-gen-scim-schemas.ts'],
      ['gateway/app.ts', '../test/support/database.ts'],
      ['services/start-all.ts', '../test/support/database.ts'],
    ];
    for (const [path, module] of refused) {
      for (const text of [
        `import { x } from '${module}';`,
        `import type { x } from '${module}';`,
        `import {\n  x,\n  type Y,\n} from '${module}';`,
        `export { x } from '${module}';`,
        `export * from '${module}';`,
        `import '${module}';`,
        `const x = await import('${module}');`,
      ]) {
        assert.equal(violations({ path, text }).length, 1, `${path}: ${text}`);
      }
    }
    const accepted: [string, string][] = [
      ['gateway/app.ts', '#scim/json.ts'],
      ['gateway/app.ts', '#proto/schemas.ts'],
      ['services/directory/resources.ts', './errors.ts'],
      ['services/start-all.ts', './directory/start-directory.ts'],
      ['services/start-all.ts', '../gateway/start-gateway.ts'],
      ['test/unit/x.test.ts', '../../services/directory/errors.ts'],
    ];
    for (const [path, module] of accepted) {
      assert.deepEqual(violations({ path, text: `import { x } from '${module}';` }), []);
    }
  });

  test('libraries stay in their places', () => {
    const cases: [string, string, number][] = [
      ['services/directory/mongo/heads.ts', 'mongodb', 0],
      ['gateway/app.ts', 'mongodb', 1],
      ['services/access/router.ts', 'mongodb', 1],
      ['services/shared/runtime/embedded-mongodb.ts', 'mongodb', 1],
      ['gateway/app.ts', 'koa', 0],
      ['services/access/start-access.ts', 'node:http', 0],
      ['services/directory/resources.ts', 'node:http', 1],
      ['services/directory/resources.ts', '@koa/router', 1],
      ['services/shared/scim/json.ts', 'koa', 1],
      ['services/shared/rpc/rpc-server.ts', '@grpc/grpc-js', 0],
      ['gateway/directory/directory-client.ts', '@grpc/grpc-js', 0],
      ['gateway/app.ts', '@grpc/grpc-js', 1],
      ['services/access/router.ts', 'grpc-health-check', 1],
      ['services/directory/resources.ts', '@grpc/grpc-js', 1],
      ['gateway/app.ts', '#rpc/rpc-client.ts', 1],
      ['test/unit/x.test.ts', 'mongodb', 0],
    ];
    for (const [path, module, count] of cases) {
      const found = violations({ path, text: `import { x } from '${module}';` });
      assert.equal(found.length, count, `${path} imports ${module}: ${found.join()}`);
    }
  });

  test('the environment, default exports, classes and names', () => {
    const cases: [string, string, RegExp | undefined][] = [
      ['gateway/config.ts', 'const port = process.env.PORT;', /reads process\.env/],
      ['gateway/main.ts', 'const port = process.env.PORT;', undefined],
      ['services/start-all.ts', 'const port = process.env.PORT;', undefined],
      ['gateway/app.ts', 'export default function app() {}', /default export/],
      ['gateway/app.ts', 'export class App {}', /not an error/],
      ['gateway/app.ts', 'export class App extends Koa {}', /not an error/],
      ['gateway/scim/scim-error.ts', 'export class ScimError extends Error {}', undefined],
      ['gateway/utils.ts', '', /junk drawer/],
      ['gateway/helpers/app.ts', '', /junk drawer/],
      ['services/shared/runtime/string-utils.ts', '', /junk drawer/],
      ['services/directory/common.ts', '', /junk drawer/],
      ['services/directory/commands.ts', '', undefined],
      ['gateway/scimError.ts', '', /kebab-case/],
      ['gateway/Scim.ts', '', /kebab-case/],
    ];
    for (const [path, text, message] of cases) {
      const found = violations({ path, text });
      if (message === undefined) assert.deepEqual(found, []);
      else assert.match(found.join('\n'), message);
    }
  });
});
