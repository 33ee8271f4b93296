/** A filter or path as alternating pieces: plain text, then a string with its quotes, and so on. */
export function splitQuoted(text: string): readonly string[] {
  return text.split(/("(?:[^"\\]|\\.)*")/s);
}

/** Changes a filter or path outside its strings. */
export function mapPlainText(text: string, change: (plain: string) => string): string {
  return splitQuoted(text)
    .map((piece, index) => (index % 2 === 0 ? change(piece) : piece))
    .join('');
}
