/**
 * Why a tool could not do what it was asked to, in the words of the command line: what happened, why, and what to do.
 */
import * as Schema from "effect/Schema"

/**
 * Why a tool could not do what it was asked to.
 * @category errors
 * @since 0.1.0
 */
export class Problem extends Schema.TaggedError<Problem>("owf/mcp/Problem")("Problem", {
  kind: Schema.String,
  detail: Schema.String,
  advice: Schema.Array(Schema.String)
}) {
  override get message(): string {
    return this.detail
  }
}

/**
 * A problem from its parts.
 * @category constructors
 * @since 0.1.0
 */
export const make = (kind: string, detail: string, ...advice: ReadonlyArray<string>): Problem =>
  new Problem({ kind, detail, advice })

/**
 * A problem as the text a client shows.
 * @category converting
 * @since 0.1.0
 */
export const toText = ({ advice, detail }: Problem): string => {
  const [first = "", ...rest] = detail.split("\n")
  return [`owf: ${first}`, ...[...rest, ...advice.flatMap((line) => line.split("\n"))].map((line) => `  ${line}`)]
    .join("\n")
}
