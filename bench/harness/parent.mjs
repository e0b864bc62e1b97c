/** What a measured process may ask the one that started it; see `answers` of `children.mjs`. */

/** One question at a time; `told` goes with it. */
export function askParent(question, told) {
  return new Promise((resolve) => {
    process.once('message', ({ answer }) => resolve(answer));
    process.send({ question, told });
  });
}

/** Measures a stretch each time it is this process' turn, until there is none any more: see `side-by-side.mjs`. */
export async function takeTurns(stretch) {
  let told;
  while (await askParent('turn', told)) told = await stretch();
}

/** The questions around a measured stretch, for `measure`; none when the first stretch is taken as it comes. */
export const apartness = ({ attempts = 1 }) =>
  attempts < 2
    ? {}
    : { attempts, becomeApart: () => askParent('becomeApart'), areApart: () => askParent('areApart') };
