/**
 * Reads a log as news: about what each line is and what it says of it. The pool says of a node where it is now;
 * the cache says what it cannot do with a node, and that it can again.
 */

/** What a line is about and what it says of that are its named parts; a line of the cache says one thing only. */
const KINDS: readonly { by: string; line: RegExp }[] = [
  { by: 'pool', line: /^(?:log|warn): (?<about>\S+) is (?<says>up|blacklisted) \(was \w+\)/ },
  { by: 'cache', line: /^warn: The cache (?<says>cannot) use memcached(?: at (?<about>\S+))?;/ },
  { by: 'cache', line: /^warn: A (?<about>delete) is (?<says>not) confirmed at \S+;/ },
  { by: 'cache', line: /^log: The cache (?<says>works) again \((?<about>[^)]+)\)/ },
];

/** The lines that say what was said last about the same, or that are no news at all. None, in a quiet log. */
export function noiseIn(lines: readonly string[]): string[] {
  const last = new Map<string, string>();
  return lines.filter((line) => {
    const kind = KINDS.find((each) => each.line.test(line));
    const { about = 'memcached', says = '' } = kind?.line.exec(line)?.groups ?? {};
    const topic = `${kind?.by} ${about.split(' ')[0]}`;
    if (kind === undefined || last.get(topic) === says) return true;
    last.set(topic, says);
    return false;
  });
}
