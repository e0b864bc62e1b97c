import { join } from 'node:path';
import ts from 'typescript';

it('the compiler takes right decorators and refuses wrong ones', () => {
  const root = join(__dirname, '../..');
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const file = join(__dirname, 'decorator-types.ts');
  const program = ts.createProgram([file], options);
  const complaints = ts
    .getPreEmitDiagnostics(program, program.getSourceFile(file))
    .map((found) => ts.flattenDiagnosticMessageText(found.messageText, '\n'));
  expect(complaints).toEqual([]);
}, 60_000);
