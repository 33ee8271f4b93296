import assert from 'node:assert/strict';
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import type { Command } from 'commander';
import { providerNames } from '#rpc/provider-name.ts';
import { readConfig } from '#runtime/config.ts';
import { gatewayConfig } from '../../gateway/config.ts';
import { leniencyRules } from '../../gateway/repairs/leniency.ts';
import { cliConfig, connectionBaseUrl, connectionTokenUrl } from '../../services/cli/config.ts';
import { createProgram } from '../../services/cli/program.ts';
import {
  anchorsOf,
  cellsBelow,
  fencedBlocks,
  inlineCode,
  linkTargets,
  readGuidePages,
} from '../support/guide-page.ts';

const folder = join(import.meta.dirname, '..', '..', 'docs', 'connect');
const pages = await readGuidePages(folder);
const overview = pages.find(({ name }) => name === 'README.md');
assert.ok(overview);
const publicUrl = { ROLLCALL_PUBLIC_URL: 'https://scim.example.com' };

/** The command, which parses all of a line and then does nothing. */
function rollcallCommand(): Command {
  return createProgram(
    async () => undefined,
    () => Promise.reject(new Error('Nothing is replayed here.')),
  );
}

/** Fails for text that names a command or an option that there is not; the command need not be complete. */
function checkMention(code: string): void {
  const named = [rollcallCommand()];
  for (const word of code.replace(/ --.*/, '').split(' ')) {
    const inner = named[0]?.commands ?? [];
    const next = inner.find((each) => each.name() === word);
    assert.ok(next || inner.length === 0, `${code}: there is no ${word}`);
    if (next) named.unshift(next);
  }
  const options = named.flatMap((command) => command.options.map(({ long }) => long));
  for (const flag of code.match(/--[\w-]+/g) ?? []) assert.ok(options.includes(flag), code);
}

/** A command and all below it. */
function allCommands(command: Command): readonly Command[] {
  return [command, ...command.commands.flatMap(allCommands)];
}

suite('the guides to identity providers', () => {
  test('are one for each that has a file, and all choices of --provider are named', () => {
    const guides = cellsBelow(overview, 'guide').flatMap((cell) => /\((\w+\.md)\)/.exec(cell)?.[1] ?? []);
    assert.deepEqual(['README.md', ...guides].sort(), pages.map(({ name }) => name).sort());
    const named = cellsBelow(overview, '`--provider`').flatMap((cell) => cell.match(/[a-z]+/g) ?? []);
    assert.deepEqual(named.sort(), [...providerNames].sort());
  });

  for (const page of pages) {
    test(`${page.name}: every command is one, with the options it has`, async () => {
      const lines = [...fencedBlocks(page, 'sh').flatMap((block) => block.split('\n')), ...inlineCode(page)];
      const commands = lines.flatMap((line) => /^npx rollcall (.*?)( +#.*)?$/.exec(line)?.[1] ?? []);
      assert.ok(commands.length > 0);
      for (const command of commands) {
        const words = command.match(/"[^"]*"|\S+/g) ?? [];
        await rollcallCommand().parseAsync(words, { from: 'user' });
      }
    });

    test(`${page.name}: every command and option that is only mentioned is there`, () => {
      const all = allCommands(rollcallCommand());
      const known = all.flatMap(({ options }) => options.map(({ long }) => long));
      const names = rollcallCommand().commands.map((command) => command.name());
      for (const code of inlineCode(page)) {
        if (/^--[\w-]+$/.test(code)) assert.ok(known.includes(code), code);
        if (names.some((name) => code.startsWith(`${name} `))) checkMention(code);
      }
    });

    test(`${page.name}: every link leads somewhere`, async () => {
      for (const target of linkTargets(page)) {
        assert.doesNotMatch(target, /^https?:/, 'pages of others move');
        const [path = '', anchor] = target.split('#');
        const file = path === '' ? page.name : path;
        await access(join(page.folder, file));
        if (anchor === undefined) continue;
        const anchors = anchorsOf(await readFile(join(page.folder, file), 'utf8'));
        assert.ok(anchors.includes(anchor), target);
      }
    });

    test(`${page.name}: every repair is one of leniency.ts`, () => {
      const repairs = cellsBelow(page, 'repair').flatMap((cell) => cell.match(/\w+/g) ?? []);
      assert.ok(repairs.length > 0 || page === overview);
      for (const repair of repairs) assert.ok(repair in leniencyRules, repair);
    });

    test(`${page.name}: every URL is as Rollcall prints it, every person is made up`, () => {
      const config = readConfig(cliConfig, publicUrl);
      const ours = [connectionBaseUrl(config, '<connection>'), connectionTokenUrl(config, '<connection>')];
      const urls = page.text.match(/https?:\/\/[^\s`"]+/g) ?? [];
      assert.ok(urls.some((url) => url === ours[0]));
      for (const url of urls) {
        const isOurs = ours.includes(url) || url === `${ours[0]}/Users/<user>`;
        const isLocal = url.startsWith('http://127.0.0.1:8080/');
        const isMicrosofts = /^https:\/\/(sts\.windows\.net|login\.microsoftonline\.com)\/<tenant>\//.test(
          url,
        );
        assert.ok(isOurs || isLocal || isMicrosofts, url);
      }
      for (const [, host] of page.text.matchAll(/\w@([\w.-]+)/g)) assert.equal(host, 'example.com');
    });

    test(`${page.name}: every setting is read by the gateway or the command`, () => {
      const settings = page.text.match(/ROLLCALL_\w+/g) ?? [];
      for (const name of settings) assert.ok(name in gatewayConfig.shape || name in cliConfig.shape, name);
    });

    if (page === overview) continue;
    test(`${page.name} creates a connection of its own provider`, () => {
      const created = page.text.match(/connections create .*--provider (\w+)/)?.[1];
      assert.equal(`${created}.md`, page.name);
    });
  }
});
