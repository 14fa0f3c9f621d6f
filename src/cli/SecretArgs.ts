/**
 * Arguments that look like keys: they are part of a run's record, where a key must not be.
 *
 * Names and shapes are looked at, and nothing of a value is ever said.
 */

/**
 * What to say of arguments that look like keys; one sentence for each, by where it is.
 * @category converting
 * @since 0.1.0
 */
export const warnings = (args: unknown): ReadonlyArray<string> =>
  found("", args, 0).map((path) =>
    `'${path}' looks like a key, and arguments are stored in the record of the run; ` +
    "give keys as environment variables instead, which are not"
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const deepest = 20

const named =
  /(?:^|[_\-.\s])(?:api[_-]?key|access[_-]?key|secret[_-]?key|private[_-]?key|auth[_-]?token|access[_-]?token|token|secret|password|passwd|passphrase|credentials?)$/i

/** Keys by how their makers write them. */
const shaped =
  /(?:^|[^A-Za-z0-9])(?:sk-[A-Za-z0-9_-]{16,}|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,}|hvs\.[A-Za-z0-9_-]{16,}|AKIA[A-Z0-9]{12,}|AIza[A-Za-z0-9_-]{30,}|xox[abprs]-[A-Za-z0-9-]{10,}|npm_[A-Za-z0-9]{30,})|-----BEGIN [A-Z ]*PRIVATE KEY-----/

/** `apiKey` as `api_Key`, so that one pattern finds every way of writing a name. */
const split = (name: string): string => name.replaceAll(/([a-z\d])([A-Z])/g, "$1_$2")

const found = (path: string, value: unknown, depth: number): ReadonlyArray<string> => {
  if (typeof value === "string") {
    const name = path.slice(Math.max(path.lastIndexOf("."), path.lastIndexOf("]")) + 1)
    return (named.test(split(name)) && value.trim().length >= 8) || shaped.test(value) ? [path] : []
  }
  if (typeof value !== "object" || value === null || depth > deepest) return []
  return Array.isArray(value)
    ? value.flatMap((item, index) => found(`${path}[${index}]`, item, depth + 1))
    : Object.entries(value).flatMap(([key, item]) => found(path === "" ? key : `${path}.${key}`, item, depth + 1))
}
