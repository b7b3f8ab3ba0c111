/** The nearest of some names, if one is near enough to be what was meant. */

/** Optimal string alignment distance: insert, delete, replace, swap neighbours. Both texts are short (keys and names). */
function distance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min(row[j - 1]! + 1, last[j]! + 1, last[j - 1]! + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, beforeLast[j - 2]! + 1);
      row.push(best);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
}

/** `onFail` for `onFailure`, `batchSizeMax` for `batchSize`. */
function isPrefix(a: string, b: string): boolean {
  return Math.min(a.length, b.length) >= 4 && (a.startsWith(b) || b.startsWith(a));
}

export function didYouMean(word: string, known: Iterable<string>): string | undefined {
  if (word.length > 64) return undefined;
  const fold = (text: string) => text.toLowerCase().replace(/[-_ ]/g, '');
  const folded = fold(word);
  let best: string | undefined;
  // A third of the letters may be wrong, two at least for longer words: `strem` → `stream`, but not `foo` → `code`.
  let bestDistance = Math.max(word.length >= 5 ? 2 : 1, Math.floor(word.length / 3)) + 1;
  for (const name of known) {
    const candidate = fold(name);
    const d = candidate === folded ? 0 : isPrefix(folded, candidate) ? 1 : distance(folded, candidate);
    if (d < bestDistance) {
      best = name;
      bestDistance = d;
    }
  }
  return best;
}
