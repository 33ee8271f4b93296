import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { gatewayConfig } from '../gateway/config.ts';
import { accessConfig } from './access/config.ts';
import { directoryConfig } from './directory/config.ts';

/*
 * Writes the table of environment variables in README.md from the schemas of the services. With --check it writes
 * nothing and ends with code 1 when the table is not what the schemas say.
 */

const readme = join(import.meta.dirname, '..', 'README.md');
const table = /(?<=<!-- environment table[^\n]*-->\n)[\s\S]*?(?=<!-- end of the environment table -->)/;

const text = await readFile(readme, 'utf8');
if (!table.test(text)) throw new Error('README.md has no place for the environment table');
const current = text.replace(table, () => `\n${environmentTable()}\n`);
if (current === text) {
  process.stdout.write('The environment table in README.md is up to date.\n');
} else if (process.argv.includes('--check')) {
  process.stderr.write('README.md is stale: run `node services/environment-table.ts`.\n');
  process.exitCode = 1;
} else {
  await writeFile(readme, current);
  process.stdout.write('README.md is written.\n');
}

function environmentTable(): string {
  const variables = new Map<string, { text: string; preset: string; services: string[] }>();
  for (const [service, schema] of Object.entries({
    directory: directoryConfig,
    access: accessConfig,
    gateway: gatewayConfig,
  })) {
    const { properties = {} } = z.toJSONSchema(schema, { io: 'input' });
    for (const [name, property] of Object.entries(properties)) {
      if (typeof property === 'boolean') continue;
      const variable = variables.get(name) ?? {
        text: property.description ?? '',
        preset: property.default === undefined || property.default === '' ? '' : `\`${property.default}\``,
        services: [],
      };
      variable.services.push(service);
      variables.set(name, variable);
    }
  }
  const rows = [...variables].map(([name, { text: meaning, preset, services }]) =>
    row([`\`${name}\``, preset, services.length === 3 ? 'all' : services.join(', '), meaning]),
  );
  return [
    row(['variable', 'default', 'read by', 'meaning']),
    row(['---', '---', '---', '---']),
    ...rows,
    '',
  ].join('\n');
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}
