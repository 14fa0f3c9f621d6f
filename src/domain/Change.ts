/**
 * What an agent changed in a repository, file by file.
 *
 * Paths are relative to the top of the repository and use `/`. A name that is not UTF-8 has U+FFFD in place of what
 * cannot be read; the patch holds its bytes.
 */
import * as Schema from "effect/Schema"

/**
 * A file that differs from what the call began with.
 * @category schemas
 * @since 0.1.0
 */
export const Change = Schema.Struct({
  /** `ignored`: a new file that the repository's rules leave out; it is in no patch. */
  kind: Schema.Literal("added", "modified", "deleted", "renamed", "ignored"),
  path: Schema.String,
  /** The name it had, where it was renamed; null otherwise. */
  from: Schema.NullOr(Schema.String)
})

/**
 * A file that differs from what the call began with.
 * @category models
 * @since 0.1.0
 */
export type Change = typeof Change.Type

/**
 * Changes as they are stored: JSON in one column.
 * @category schemas
 * @since 0.1.0
 */
export const ChangesJson = Schema.parseJson(Schema.Array(Change))
