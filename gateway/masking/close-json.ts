/**
 * Makes JSON of the beginning of a JSON text, by leaving out what it ends in the middle of and closing what is open.
 * Undefined when nothing whole is in it.
 */
export function closeJson(begin: string): string | undefined {
  const open: string[] = [];
  // Where what is whole ends; what is open there stays open to the end.
  let end = 0;
  let inText = false;
  for (let at = 0; at < begin.length; at++) {
    const character = begin.charAt(at);
    if (inText) {
      if (character === '\\') at++;
      else if (character === '"') inText = false;
    } else if (character === '"') inText = true;
    else if (character === '{' || character === '[') {
      open.push(character === '{' ? '}' : ']');
      end = at + 1;
    } else if (character === '}' || character === ']') {
      open.pop();
      end = at + 1;
    } else if (character === ',') end = at;
  }
  return end === 0 ? undefined : begin.slice(0, end) + open.reverse().join('');
}
