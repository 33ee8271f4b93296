import { chmod, copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { builtinModules } from 'node:module';
import { join } from 'node:path';
import { type InputOptions, type OutputChunk, rolldown } from 'rolldown';
import { dts } from 'rolldown-plugin-dts';

/*
 * Builds `dist/package`, which can be published or packed: the typed client (`rollcall/client`) with its declarations in
 * one file, and the `rollcall` command. Other packages are not bundled but become its dependencies, in the versions that
 * this project uses.
 */

const root = join(import.meta.dirname, '..');
const target = join(root, 'dist', 'package');
/** Everything that is not a file of this project or a part of the bundler itself (what newer syntax becomes). */
const external = /^(?!@oxc-project\/runtime\/)[@a-z]/;

await rm(target, { recursive: true, force: true });
await mkdir(target, { recursive: true });

const imported = [
  ...(await bundle({ input: join(root, 'services/access/client.ts') }, 'client.js')),
  ...(await bundle({ input: join(root, 'services/cli.ts') }, 'cli.js', '#!/usr/bin/env node')),
  ...(await bundle(
    {
      input: { client: join(root, 'services/access/client.ts') },
      plugins: [
        // TypeScript 7 has no API for JavaScript; the plugin can run its compiler as a command.
        dts({
          emitDtsOnly: true,
          tsconfig: join(root, 'tsconfig.json'),
          tsgo: { path: join(root, 'node_modules/.bin/tsc') },
        }),
      ],
    },
    '[name].js',
  )),
];
await chmod(join(target, 'cli.js'), 0o755);
await copyFile(join(root, 'LICENSE'), join(target, 'LICENSE'));
await writeFile(
  join(target, 'package.json'),
  `${JSON.stringify(await packageJson(imported), undefined, 2)}\n`,
);

/** Bundles into one file of the package; answers the packages it imports. */
async function bundle(options: InputOptions, file: string, banner = ''): Promise<string[]> {
  await using build = await rolldown({
    platform: 'node',
    external,
    cwd: root,
    transform: { target: 'node22' },
    ...options,
  });
  const { output } = await build.write({ dir: target, entryFileNames: file, codeSplitting: false, banner });
  const chunks = output.filter((part): part is OutputChunk => part.type === 'chunk');
  // Of what a chunk says it imports, some is no longer used in its code.
  const imports = chunks.flatMap(({ code }) => [...code.matchAll(/^import .* from "([^"]+)";$/gm)]);
  return imports.map(([, specifier = '']) => packageOf(specifier));
}

function packageOf(specifier: string): string {
  const [scope = '', name = ''] = specifier.split('/');
  return specifier.startsWith('@') ? `${scope}/${name}` : scope;
}

async function packageJson(packages: readonly string[]): Promise<object> {
  const project: unknown = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
  const { name, version, description, license, dependencies } = project as Record<string, string> & {
    dependencies: Record<string, string>;
  };
  const needed = new Set(
    packages.filter((name) => !name.startsWith('node:') && !builtinModules.includes(name)),
  );
  return {
    name,
    version,
    description,
    license,
    type: 'module',
    engines: { node: '>=22' },
    bin: { rollcall: 'cli.js' },
    exports: { './client': { types: './client.d.ts', default: './client.js' } },
    dependencies: Object.fromEntries(
      [...needed].sort().map((name) => {
        const version = dependencies[name];
        if (version === undefined)
          throw new Error(`${name} is imported but is no dependency of this project.`);
        return [name, version];
      }),
    ),
  };
}
