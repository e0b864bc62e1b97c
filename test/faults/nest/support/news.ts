/**
 * Reads a log as news: about whom each line is and what it says of it.
 */

interface News {
  about: string;
  says: string;
}

/** The pool says of a node where it is now; the cache says of a node that it cannot use it, and that it can again. */
function newsIn(line: string): News | undefined {
  const [, node, state] = /^\w+: (\S+) is (up|blacklisted) \(was \w+\)/.exec(line) ?? [];
  if (node !== undefined) return { about: `pool ${node}`, says: state! };
  const [, unusable] = /^warn: The cache cannot use memcached(?: at (\S+))?;/.exec(line) ?? [];
  if (/^warn: The cache cannot use/.test(line))
    return { about: `cache ${unusable ?? 'memcached'}`, says: 'cannot' };
  const [, works] = /^log: The cache works again \((\S+)\)/.exec(line) ?? [];
  return works === undefined ? undefined : { about: `cache ${works}`, says: 'works' };
}

/** The lines that say what was said last about the same, or that are no news at all. None, in a quiet log. */
export function noiseIn(lines: readonly string[]): string[] {
  const last = new Map<string, string>();
  return lines.filter((line) => {
    const news = newsIn(line);
    if (news === undefined || last.get(news.about) === news.says) return true;
    last.set(news.about, news.says);
    return false;
  });
}
