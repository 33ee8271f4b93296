/** The anchor that a heading gets, and that links to it name. */
export function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}

/** A link to a heading of the same page. */
export function linkTo(heading: string): string {
  return `[${heading}](#${anchor(heading)})`;
}

/** A table; every cell is one line, whatever is in it. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(' | ')} |`;
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n');
}

/**
 * Text of a comment as prose: what could be read as HTML is escaped outside of code, and names of error reasons link to
 * what `linkReason` gives for them; undefined for what is none.
 */
export function prose(comment: string, linkReason: (name: string) => string | undefined): string {
  return comment
    .split(/(`[^`]*`)/)
    .map((part, index) => {
      if (index % 2 === 1) return part;
      const escaped = part.replaceAll('<', '&lt;');
      return escaped.replace(/\b[A-Z]+(?:_[A-Z]+)*\b/g, (name) => {
        const target = linkReason(name);
        return target === undefined ? name : `[${name}](${target})`;
      });
    })
    .join('');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replace(/\s*\n\s*/g, ' ');
}
