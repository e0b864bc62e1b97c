/**
 * Reads the options and their defaults out of the source and out of docs/options.md, so that one can be held
 * against the other. Above each table a comment names the interface it is about.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as ts from 'typescript';

const ROOT = join(__dirname, '..', '..', '..');

/** Defaults by option; '' where there is none. */
type Defaults = Record<string, string>;

export interface Table {
  file: string;
  name: string;
  documented: Defaults;
}

export function readTables(): Table[] {
  const sections = readFileSync(join(ROOT, 'docs', 'options.md'), 'utf8')
    .split('<!-- ')
    .slice(1);
  return sections.map((section) => {
    const [, file, name] = /^(\S+) (\w+) -->/.exec(section)!;
    const rows = section.matchAll(/^\| `(\w+)` \| (.*?) ?\| /gm);
    const documented = Object.fromEntries([...rows].map(([, option, given]) => [option!, plain(given!)]));
    return { file: file!, name: name!, documented };
  });
}

/** What stands in the source: the properties of an interface with their `@defaultValue`. */
export function readInterface(file: string, name: string): Defaults {
  const text = readFileSync(join(ROOT, file), 'utf8');
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true);
  const found = source.statements.find(
    (statement): statement is ts.InterfaceDeclaration =>
      ts.isInterfaceDeclaration(statement) && statement.name.text === name,
  );
  if (found === undefined) throw new Error(`${file} has no interface ${name}.`);
  return Object.fromEntries(found.members.map((member) => [member.name!.getText(), defaultOf(member)]));
}

function defaultOf(member: ts.TypeElement): string {
  const tag = ts.getJSDocTags(member).find(({ tagName }) => tagName.text === 'defaultValue');
  return plain(ts.getTextOfJSDocComment(tag?.comment) ?? '');
}

/** Without the marks of code, and on one line. */
function plain(text: string): string {
  return text.replaceAll('`', '').replaceAll(/\s+/g, ' ').trim();
}
