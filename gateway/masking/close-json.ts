/**
 * Makes JSON of the beginning of a JSON text, by leaving out what it ends in the middle of and closing what is open.
 * Undefined when nothing whole is in it.
 */
export function closeJson(begin: string): string | undefined {
  const open: string[] = [];
  let whole: string | undefined;
  let inText = false;
  for (let at = 0; at < begin.length; at++) {
    const character = begin.charAt(at);
    if (inText) {
      if (character === '\\') at++;
      else if (character === '"') inText = false;
    } else if (character === '"') inText = true;
    else if (character === '{' || character === '[') {
      open.push(character === '{' ? '}' : ']');
      whole = begin.slice(0, at + 1) + closing(open);
    } else if (character === '}' || character === ']') {
      open.pop();
      whole = begin.slice(0, at + 1) + closing(open);
    } else if (character === ',') whole = begin.slice(0, at) + closing(open);
  }
  return whole;
}

function closing(open: readonly string[]): string {
  return open.toReversed().join('');
}
