/** The option every command has. */
export interface OutputOptions {
  /** Print JSON for programs, one document, instead of text for people. */
  readonly json?: true;
}

/** The flags and description of `--json`. */
export const jsonOption = ['--json', 'print JSON for programs'] as const;

/** One row: what a column holds, under its title. Undefined is shown as `-` and is null in JSON. */
export type Row = Readonly<Record<string, string | number | boolean | undefined | readonly string[]>>;

/** Prints one thing, a line for each of its parts. */
export function printOne(row: Row, options: OutputOptions): void {
  write(options.json ? toJson(row) : toLines(row));
}

/** Prints a table with titles, or a JSON list; `nothing` is what people read when there are no rows. */
export function printMany(rows: readonly Row[], nothing: string, options: OutputOptions): void {
  if (options.json) write(`[${rows.map(toJson).join(',')}]`);
  else write(rows.length === 0 ? nothing : toTable(rows));
}

/** Prints what was done. */
export function printDone(text: string, json: Row, options: OutputOptions): void {
  write(options.json ? toJson(json) : text);
}

/** Prints a text for people, or what it says as JSON for programs. */
export function printDocument(text: string, json: object, options: OutputOptions): void {
  write(options.json ? JSON.stringify(json) : text);
}

function write(text: string): void {
  process.stdout.write(`${text}\n`);
}

function toLines(row: Row): string {
  const width = Math.max(...Object.keys(row).map((title) => title.length));
  return Object.entries(row)
    .map(([title, value]) => `${title.padEnd(width)}  ${toText(value)}`)
    .join('\n');
}

/** Rows below their titles, in columns. */
export function toTable(rows: readonly Row[]): string {
  const titles = Object.keys(rows[0] ?? {});
  const lines = [titles, ...rows.map((row) => titles.map((title) => toText(row[title])))];
  const widths = titles.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  const padded = lines.map((line) => line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '));
  return padded.map((line) => line.trimEnd()).join('\n');
}

function toJson(row: Row): string {
  return JSON.stringify(row, (_, value: unknown) => (value === undefined ? null : value));
}

function toText(value: Row[string]): string {
  const text = Array.isArray(value) ? value.join(', ') : String(value ?? '');
  return text === '' ? '-' : text;
}
