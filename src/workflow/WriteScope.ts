/**
 * Which paths a call may change, as its `writeScope` says it.
 *
 * - S1. A scope is a list of paths and patterns relative to the working directory, with `/` between names. A path stands
 *   for itself and everything below it; in a pattern `*` and `?` stay within a name, `**` does not, and names that begin
 *   with a dot are like all others.
 * - S2. Upper and lower case differ, also where the file system does not tell them apart.
 * - S3. A path that leads out of the working directory is in no pattern that does not lead out of it too.
 */
import picomatch from "picomatch"

/**
 * Which paths a call may change.
 * @category models
 * @since 0.1.0
 */
export interface WriteScope {
  /** Equal for equal scopes. */
  readonly key: string
  readonly allows: (name: string) => boolean
}

/**
 * The scope these paths and patterns make.
 * @category constructors
 * @since 0.1.0
 */
export const make = (patterns: ReadonlyArray<string>): WriteScope => {
  const parts = patterns.map(partOf)
  return {
    key: JSON.stringify(patterns.toSorted()),
    allows: (name) => {
      const plain = normal(name)
      return parts.some((part) => part(plain))
    }
  }
}

/**
 * The scope of a call that has a tree of its own to change as it likes.
 * @category constructors
 * @since 0.1.0
 */
export const everything: WriteScope = { key: "everything", allows: () => true }

/**
 * The scope of a call that may only read.
 * @category constructors
 * @since 0.1.0
 */
export const nothing: WriteScope = { key: "nothing", allows: () => false }

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const partOf = (pattern: string): (name: string) => boolean => {
  const path = normal(pattern)
  if (path === "") return (name) => !isOutside(name)
  // a leading `!` would allow everything else
  const matches = picomatch(path.replace(/^!/, "\\!"), { dot: true, flags: "s" })
  return (name) => name === path || name.startsWith(`${path}/`) || matches(name)
}

const isOutside = (name: string): boolean => name === ".." || name.startsWith("../")

/** Without `.`, and without `..` that leads back into what comes before it. */
const normal = (path: string): string => {
  const names: Array<string> = []
  for (const name of path.split("/")) {
    if (name === "" || name === ".") continue
    if (name === ".." && names.length > 0 && names.at(-1) !== "..") names.pop()
    else names.push(name)
  }
  return names.join("/")
}
