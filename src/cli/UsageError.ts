/**
 * A command line that cannot be carried out, in words the person who typed it can act on.
 */
import * as Schema from "effect/Schema"

/**
 * What is wrong with the command line, and what to do instead.
 * @category errors
 * @since 0.1.0
 */
export class UsageError extends Schema.TaggedError<UsageError>("owf/cli/UsageError")("UsageError", {
  detail: Schema.String,
  advice: Schema.Array(Schema.String)
}) {
  override get message(): string {
    return this.detail
  }
}

/**
 * A usage error from its parts.
 * @category constructors
 * @since 0.1.0
 */
export const make = (detail: string, ...advice: ReadonlyArray<string>): UsageError => new UsageError({ detail, advice })
