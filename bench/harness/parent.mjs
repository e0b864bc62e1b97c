/** What a measured process may ask the one that started it; see `answers` of `children.mjs`. */

/** One question at a time. */
export function askParent(question) {
  return new Promise((resolve) => {
    process.once('message', ({ answer }) => resolve(answer));
    process.send({ question });
  });
}

/** The questions around a measured stretch, for `measure`; none when the first stretch is taken as it comes. */
export const apartness = ({ attempts = 1 }) =>
  attempts < 2
    ? {}
    : { attempts, becomeApart: () => askParent('becomeApart'), areApart: () => askParent('areApart') };
