import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** A page of docs/connect, as Markdown. */
export interface GuidePage {
  /** The name of its file, such as `entra.md`. */
  readonly name: string;
  /** The folder that its links start from. */
  readonly folder: string;
  /** All of it. */
  readonly text: string;
}

/** Reads the pages of a folder, by name. */
export async function readGuidePages(folder: string): Promise<readonly GuidePage[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.md')).sort();
  return Promise.all(
    names.map(async (name) => ({ name, folder, text: await readFile(join(folder, name), 'utf8') })),
  );
}

/** What stands in a fenced block of a language, with continued lines in one. */
export function fencedBlocks({ text }: GuidePage, language: string): readonly string[] {
  const blocks = text.matchAll(new RegExp(`^ *\`\`\`${language}\\n(.*?)^ *\`\`\`$`, 'gms'));
  return [...blocks].map(([, block = '']) => block.replaceAll(/\\\n\s*/g, ' '));
}

/** What stands between backticks, outside of fenced blocks. */
export function inlineCode({ text }: GuidePage): readonly string[] {
  const prose = text.replaceAll(/^ *```\w+\n.*?^ *```$/gms, '');
  return [...prose.matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code);
}

/** Where its links lead, as written. */
export function linkTargets({ text }: GuidePage): readonly string[] {
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
}

/** The cells of a page's tables below a title of a column. */
export function cellsBelow({ text }: GuidePage, title: string): readonly string[] {
  const tables = text.match(/(^ *\|.*\n)+/gm) ?? [];
  return tables.flatMap((table) => {
    const [titles = [], , ...rows] = table.trimEnd().split('\n').map(cellsOf);
    const column = titles.indexOf(title);
    return column < 0 ? [] : rows.map((row) => row[column] ?? '');
  });
}

/** The anchors of the headings in a Markdown text, as GitHub makes them. */
export function anchorsOf(text: string): readonly string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

function cellsOf(row: string): string[] {
  const cells = row.trim().replaceAll(/^\||\|$/g, '');
  return cells.split('|').map((cell) => cell.trim());
}
