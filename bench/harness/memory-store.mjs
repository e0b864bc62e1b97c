/**
 * What a server in memory keeps, for clients of the meta protocol: reads, writes and deletes, and the right to refill a
 * key, as far as a cache asks for it when it finds out what the server can.
 *
 * Not the package's own in-process server: that one knows every fault, and would take longer than what is measured.
 *
 * Invariant: each request has its one answer, in order, with the flags it asked for in their order, as memcached gives
 * them. What is asked otherwise ends the run, it is never answered by guess.
 */

class Item {
  /** A miss has left it: whoever made it has won the right to refill it. */
  isStub = false;
  /** Answers by how they were asked for: what stands before the opaque, and what stands behind it. */
  answers = new Map();

  constructor(cas, flags, body) {
    this.cas = cas;
    this.flags = flags;
    this.body = body;
  }
}

export class MemoryStore {
  #items = new Map();
  #lastCas = 0;

  /** What is to be sent for the requests in `text`. */
  to(text) {
    let answers = '';
    for (let at = 0; at < text.length; ) {
      const lineEnd = text.indexOf('\r\n', at);
      const line = text.slice(at, lineEnd);
      at = lineEnd + 2;
      if (line.startsWith('mg ')) answers += this.#read(line);
      else if (line.startsWith('md ')) answers += this.#remove(line);
      else if (line.startsWith('ms ')) {
        const bytes = Number(line.split(' ', 3)[2]);
        answers += this.#write(line, text.slice(at, at + bytes));
        at += bytes + 2;
      } else throw new Error(`The server in memory has no answer to "${line.slice(0, 60)}".`);
    }
    return [Buffer.from(answers, 'latin1')];
  }

  #read(line) {
    const keyEnd = line.indexOf(' ', 3);
    const opaqueAt = line.lastIndexOf(' O');
    const key = line.slice(3, keyEnd);
    const asked = line.slice(keyEnd, opaqueAt);
    const item = this.#items.get(key);
    if (item === undefined) return this.#miss(key, asked, line.slice(opaqueAt));
    if (item.isStub) return `VA 0${told(item, key, asked)} Z${line.slice(opaqueAt)}\r\n\r\n`;
    let answer = item.answers.get(asked);
    if (answer === undefined) {
      const hasValue = / v( |$)/.test(asked);
      const head = `${hasValue ? `VA ${item.body.length}` : 'HD'}${told(item, key, asked)}`;
      answer = [head, hasValue ? `\r\n${item.body}\r\n` : '\r\n'];
      item.answers.set(asked, answer);
    }
    return answer[0] + line.slice(opaqueAt) + answer[1];
  }

  /** `N` makes a stub, and who made it has won. */
  #miss(key, asked, opaque) {
    if (!/ N\d/.test(asked)) return asked.startsWith(' k') ? `EN k${key}${opaque}\r\n` : `EN${opaque}\r\n`;
    const stub = new Item(++this.#lastCas, 0, '');
    stub.isStub = true;
    this.#items.set(key, stub);
    return `VA 0${told(stub, key, asked)} W${opaque}\r\n\r\n`;
  }

  #write(line, body) {
    const [, key, , ...flags] = line.split(' ');
    const opaque = flags.find((flag) => flag[0] === 'O');
    const item = this.#items.get(key);
    if (flags.includes('ME') && item !== undefined) return `NS ${opaque}\r\n`;
    if (isOfAnother(item, flags)) return `${item === undefined ? 'NF' : 'EX'} ${opaque}\r\n`;
    const clientFlags = flags.find((flag) => flag[0] === 'F') ?? 'F0';
    this.#items.set(key, new Item(++this.#lastCas, Number(clientFlags.slice(1)), body));
    return `HD ${opaque}\r\n`;
  }

  #remove(line) {
    const [, key, ...flags] = line.split(' ');
    if (flags.some((flag) => flag[0] === 'I'))
      throw new Error(`The server in memory marks nothing stale: "${line}".`);
    if (this.#items.has(key) && isOfAnother(this.#items.get(key), flags)) return `EX ${flags.at(-1)}\r\n`;
    return `${this.#items.delete(key) ? 'HD' : 'NF'} ${flags.at(-1)}\r\n`;
  }
}

/** Whether the request names another CAS id than the item's. */
function isOfAnother(item, flags) {
  const cas = flags.find((flag) => flag[0] === 'C');
  return cas !== undefined && cas !== `C${item?.cas}`;
}

/** The flags of an answer; `asked` are those of the request, each with a space before it. */
function told({ flags, cas }, key, asked) {
  const values = { f: flags, c: cas, t: -1, h: 1, l: 0, k: key };
  let text = '';
  for (const flag of asked.split(' ').slice(1)) {
    const { [flag]: value } = values;
    if (value !== undefined) text += ` ${flag}${value}`;
    else if (!/^(v|[NR]\d+)$/.test(flag))
      throw new Error(`The server in memory does not know the flag "${flag}".`);
  }
  return text;
}
