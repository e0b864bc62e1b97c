/**
 * One process of the fleet: an application of Nest whose callers ask for one page, again and again. Told over its
 * channel which way to take and when to begin; its loader is a message to the parent, which is the database.
 */
import { NestFactory } from '@nestjs/core';
import { KEY, WAYS } from './ways.mjs';

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const loading = new Map();
let loads = 0;
let over = false;

function load() {
  const id = ++loads;
  return new Promise((resolve) => {
    loading.set(id, resolve);
    process.send({ load: id });
  });
}

const nothing = () => ({ took: [], errors: {}, stubs: 0, oldest: 0 });
let seen = nothing();

async function ask(read) {
  const start = performance.now();
  try {
    const page = await read();
    if (page?.key !== KEY) seen.stubs++;
    else seen.oldest = Math.max(seen.oldest, Date.now() - page.at);
  } catch (error) {
    const text = String(error?.message ?? error).slice(0, 120);
    seen.errors[text] = (seen.errors[text] ?? 0) + 1;
  }
  seen.took.push(performance.now() - start);
}

/** As somebody who looks at pages does: the next one some time after the last one came. */
async function askAgainAndAgain(read, think) {
  while (!over) {
    await pause(2 * think * Math.random());
    if (!over) await ask(read);
  }
}

let callers;

const told = {
  async prepare({ way, place, count, think }) {
    const { make } = WAYS.find(({ id }) => id === way);
    const { module, reader } = await make(place, load);
    const app = await NestFactory.createApplicationContext(module, { logger: ['error', 'warn'] });
    const read = reader(app);
    callers = () => Array.from({ length: count }, () => askAgainAndAgain(read, think));
    process.send({ ready: true });
  },
  async begin() {
    await Promise.all(callers());
    process.send({ seen }, () => process.exit(0));
  },
  loaded({ id, page }) {
    loading.get(id)(page);
    loading.delete(id);
  },
  forget() {
    seen = nothing();
  },
  stop() {
    over = true;
  },
};

process.on('message', ({ tell, ...rest }) => told[tell](rest));
process.once('disconnect', () => process.exit(1));
