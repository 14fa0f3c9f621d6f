/**
 * What is wrong with a graph, each thing with its place and what to do about it.
 *
 * - E1. Everything that can be found is reported at once, in the order of the files.
 * - E2. An error keeps a graph from running; a warning tells of what is probably not meant and runs as it is written.
 */
import * as Schema from "effect/Schema"
import type { Position } from "./Flow.ts"

/**
 * One thing that is wrong.
 * @category schemas
 * @since 0.1.0
 */
export const Problem = Schema.Struct({
  severity: Schema.Literal("error", "warning"),
  file: Schema.String,
  line: Schema.Int,
  column: Schema.Int,
  detail: Schema.String,
  /** What to do about it; null where the detail says it. */
  suggestion: Schema.NullOr(Schema.String)
})

/**
 * One thing that is wrong.
 * @category models
 * @since 0.1.0
 */
export type Problem = typeof Problem.Type

/**
 * A graph that cannot be run, with everything that was found in it.
 * @category errors
 * @since 0.1.0
 */
export class FlowErrors extends Schema.TaggedError<FlowErrors>("owf/Flow/FlowErrors")("FlowErrors", {
  file: Schema.String,
  /** The first of them is an error. */
  problems: Schema.Array(Problem)
}) {
  override get message(): string {
    return this.problems.map(render).join("\n")
  }
}

/**
 * A problem that keeps the graph from running.
 * @category constructors
 * @since 0.1.0
 */
export const error = (at: Position, detail: string, suggestion: string | null = null): Problem => ({
  severity: "error",
  ...place(at),
  detail,
  suggestion
})

/**
 * A problem that the graph runs with.
 * @category constructors
 * @since 0.1.0
 */
export const warning = (at: Position, detail: string, suggestion: string | null = null): Problem => ({
  ...error(at, detail, suggestion),
  severity: "warning"
})

/**
 * Whether a problem keeps the graph from running.
 * @category predicates
 * @since 0.1.0
 */
export const isError = ({ severity }: Problem): boolean => severity === "error"

/**
 * Problems in the order they are told: errors first, each kind by file and place, nothing twice.
 * @category combinators
 * @since 0.1.0
 */
export const inOrder = (problems: ReadonlyArray<Problem>): ReadonlyArray<Problem> => {
  const files = [...new Set(problems.map(({ file }) => file))]
  const distinct = new Map(problems.map((problem) => [render(problem), problem]))
  return [...distinct.values()].toSorted((a, b) =>
    Number(isError(b)) - Number(isError(a)) || files.indexOf(a.file) - files.indexOf(b.file) || a.line - b.line ||
    a.column - b.column
  )
}

/**
 * A problem on one line: `file:line:column: detail. What to do.`
 * @category converting
 * @since 0.1.0
 */
export const render = ({ column, detail, file, line, severity, suggestion }: Problem): string =>
  `${file}:${line}:${column}: ${severity === "warning" ? "warning: " : ""}${detail}${
    suggestion === null ? "" : `. ${suggestion}`
  }`

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const place = ({ column, file, line }: Position) => ({ file, line, column })
