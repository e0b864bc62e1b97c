/** The tables in docs/options.md are those of the source. */
import { readInterface, readTables } from './support/options.js';

describe('docs/options.md', () => {
  it.each(readTables())('names every option of $name with its default', ({ file, name, documented }) => {
    expect(documented).toEqual(readInterface(file, name));
  });
});
