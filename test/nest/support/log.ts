/**
 * What Nest's Logger was told, line by line, instead of the terminal.
 */
import { Logger } from '@nestjs/common';

export class CapturedLog {
  readonly lines: string[] = [];
  readonly #spies: jest.SpyInstance[];

  constructor() {
    this.#spies = (['log', 'warn', 'error', 'debug'] as const).map((level) =>
      jest.spyOn(Logger.prototype, level).mockImplementation((...told: unknown[]) => {
        this.lines.push(`${level}: ${String(told[0])}`);
      }),
    );
  }

  /** The lines in which `text` stands. */
  with(text: string): string[] {
    return this.lines.filter((line) => line.includes(text));
  }

  restore(): void {
    for (const spy of this.#spies) spy.mockRestore();
  }
}
