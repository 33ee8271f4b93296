import type { Filter, FilterList, Literal } from '#proto/rollcall/scim/v1/filter.ts';
import { printAttributeName } from './attribute-name.ts';
import { printOperator } from './filter-literal.ts';

/**
 * Writes a filter as text that `parseFilter` reads back to the same tree.
 * @throws TypeError when a part of the tree is missing, which no parsed filter has
 */
export function printFilter({ node }: Filter): string {
  switch (node?.$case) {
    case 'or':
      return printList(node.value, ' or ', ['or']);
    case 'and':
      return printList(node.value, ' and ', ['or', 'and']);
    case 'not':
      return `not (${printFilter(node.value)})`;
    case 'present':
      return `${printAttributeName(node.value)} pr`;
    case 'comparison': {
      const { path, operator, literal } = node.value;
      return `${printAttributeName(given(path))} ${printOperator(operator)} ${printLiteral(literal)}`;
    }
    case 'valuePath':
      return `${printAttributeName(given(node.value.path))}[${printFilter(given(node.value.filter))}]`;
    case undefined:
      throw new TypeError('A filter has no node');
  }
}

function printList({ filters }: FilterList, separator: string, enclosed: readonly string[]): string {
  return filters
    .map((filter) => {
      const text = printFilter(filter);
      return enclosed.includes(filter.node?.$case ?? '') ? `(${text})` : text;
    })
    .join(separator);
}

function printLiteral(literal: Literal | undefined): string {
  const { $case, value } = given(literal?.value);
  return $case === 'null' ? 'null' : JSON.stringify(value);
}

function given<Part>(part: Part | undefined): Part {
  if (part === undefined) throw new TypeError('A filter has a node without its parts');
  return part;
}
