/**
 * Finds what somebody probably meant among the names that exist.
 */

/**
 * The names close to a mistyped one, the closest first; empty when none is close enough to suggest.
 * @category constructors
 * @since 0.1.0
 */
export const nearest = (asked: string, names: ReadonlyArray<string>): ReadonlyArray<string> => {
  const wanted = asked.toLowerCase().slice(0, 80)
  return names
    .map((name) => ({
      name,
      distance: startsAlike(wanted, name.toLowerCase()) ? 1 : distance(wanted, name.toLowerCase())
    }))
    .filter(({ distance, name }) => distance <= Math.max(1, Math.floor(name.length / 3)))
    .toSorted((a, b) => a.distance - b.distance)
    .slice(0, 3)
    .map(({ name }) => name)
}

/**
 * "Did you mean …?" as a sentence to append, or nothing.
 * @category constructors
 * @since 0.1.0
 */
export const suggestion = (asked: string, names: ReadonlyArray<string>): string => {
  const found = nearest(asked, names)
  return found.length === 0 ? "" : ` Did you mean ${found.join(" or ")}?`
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const startsAlike = (asked: string, name: string): boolean => asked.length >= 3 && name.startsWith(asked)

/** Insertions, deletions, replacements and swapped neighbours between two short texts. */
const distance = (left: string, right: string): number => {
  let before: ReadonlyArray<number> = []
  let row: ReadonlyArray<number> = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (let i = 0; i < left.length; i++) {
    const next = [i + 1]
    for (let j = 0; j < right.length; j++) {
      const replaced = (row[j] ?? 0) + (left[i] === right[j] ? 0 : 1)
      const swapped = i > 0 && j > 0 && left[i] === right[j - 1] && left[i - 1] === right[j]
        ? (before[j - 1] ?? 0) + 1
        : Infinity
      next.push(Math.min(replaced, swapped, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1))
    }
    before = row
    row = next
  }
  return row[right.length] ?? 0
}
