/**
 * What `owf graph` and `owf eject` show, as plain data of the library that loads workflows.
 */
import type * as Effect from "effect/Effect"
import type { Format } from "../graph/FlowDiagram.ts"

/**
 * A drawing of a workflow.
 * @category models
 * @since 0.1.0
 */
export interface Drawn {
  readonly text: string
  /** What is probably not meant in the graph. */
  readonly warnings: ReadonlyArray<string>
}

/**
 * A graph as a program.
 * @category models
 * @since 0.1.0
 */
export interface Ejected extends Drawn {
  /** Files the program is made of, absolute: the graph and the graphs it runs. */
  readonly made: ReadonlyArray<string>
}

/**
 * The commands about graphs that are not run; what fails is what was wrong with the file.
 * @category models
 * @since 0.1.0
 */
export interface GraphHost {
  readonly draw: (file: string, format: Format) => Effect.Effect<Drawn, unknown>
  /** `out` is the absolute path the program is going to have. */
  readonly eject: (file: string, out: string) => Effect.Effect<Ejected, unknown>
}
