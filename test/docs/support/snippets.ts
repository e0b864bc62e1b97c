/**
 * Reads the TypeScript out of the README and the documents, so that what is printed there is compiled and
 * run as it stands. A block marked ```ts is a file of its own: it brings its imports with it.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as ts from 'typescript';

const ROOT = join(__dirname, '..', '..', '..');

export interface Snippet {
  /** `README.md:41`, the line of its first line of code. */
  where: string;
  /** The word behind ```ts; '' when there is none. */
  name: string;
  code: string;
  /** Where the compiler is told that it lies. */
  path: string;
}

/** All snippets, in the order in which they are read. */
export function readSnippets(): Snippet[] {
  const docs = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name));
  return ['README.md', ...docs.sort()].flatMap(snippetsOf);
}

function snippetsOf(file: string): Snippet[] {
  const snippets: Snippet[] = [];
  const lines = readFileSync(join(ROOT, file), 'utf8').split('\n');
  for (let start = 0; start < lines.length; start++) {
    const [, name = ''] = /^```(?:ts|typescript)(?: (\S+))?$/.exec(lines[start]!) ?? [undefined, undefined];
    if (!/^```(ts|typescript)\b/.test(lines[start]!)) continue;
    const end = lines.indexOf('```', start + 1);
    if (end === -1) throw new Error(`${file}:${start + 1}: the code block has no end.`);
    const path = join(ROOT, 'test', 'docs', `${file.replaceAll(/\W/g, '-')}-${start + 2}.ts`);
    const code = lines.slice(start + 1, end).join('\n');
    snippets.push({ where: `${file}:${start + 2}`, name, code, path });
    start = end;
  }
  return snippets;
}

const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile);
const OPTIONS: ts.CompilerOptions = {
  ...ts.convertCompilerOptionsFromJson(config.compilerOptions, ROOT).options,
  paths: {
    'nestjs-memcached-pool': [join(ROOT, 'lib/index.ts')],
    'nestjs-memcached-pool/*': [join(ROOT, 'lib/*/index.ts')],
  },
};

/** What the compiler has to say, by snippet, as `README.md:43: message`. One program for all of them. */
export function compile(snippets: readonly Snippet[]): string[] {
  const byPath = new Map(snippets.map((snippet) => [snippet.path, snippet]));
  const host = ts.createCompilerHost(OPTIONS);
  const readFromDisk = host.readFile;
  host.readFile = (path) => byPath.get(path)?.code ?? readFromDisk(path);
  host.fileExists = (path) => byPath.has(path) || ts.sys.fileExists(path);
  const program = ts.createProgram([...byPath.keys()], OPTIONS, host);
  return snippets.flatMap((snippet) => {
    const source = program.getSourceFile(snippet.path);
    const found = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)];
    return found.map((diagnostic) => {
      const message = ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n');
      const line = source?.getLineAndCharacterOfPosition(diagnostic.start ?? 0).line ?? 0;
      return `${atLine(snippet, line)}: ${message}`;
    });
  });
}

function atLine({ where }: Snippet, line: number): string {
  const [file, first] = where.split(':') as [string, string];
  return `${file}:${Number(first) + line}`;
}

/** Runs a snippet as the module it is and gives back what it exports. `read` stands in for its imports. */
export function run(snippet: Snippet, read: (name: string) => unknown): Record<string, unknown> {
  const { outputText } = ts.transpileModule(snippet.code, {
    fileName: snippet.path,
    compilerOptions: { ...OPTIONS, module: ts.ModuleKind.CommonJS, sourceMap: false, noEmit: false },
  });
  const exported: Record<string, unknown> = {};
  new Function('exports', 'require', outputText)(exported, read);
  return exported;
}
