/**
 * The port to what the tools are made of: the commands of `owf`, in this process or in one of their own, and the files a
 * client may name.
 *
 * - H1. A command that only reads runs in this process. One that loads a workflow runs in a process of its own, so an
 *   edited file is loaded anew, what a script prints stays out of the protocol, and a script that crashes takes nothing
 *   down.
 * - H2. Interrupting a process asks it to stop first, so that a run is stored as interrupted, and leaves nothing of it.
 * - H3. Every path a client names is looked up on the disk, links resolved, and refused when it leads out of what is
 *   allowed; looking makes nothing.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { Problem } from "./Problem.ts"

/**
 * What a command did.
 * @category models
 * @since 0.1.0
 */
export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/**
 * A run that was left on its own.
 * @category models
 * @since 0.1.0
 */
export interface Begun {
  /** The first event of the run, as its process printed it. */
  readonly event: string
  readonly pid: number
}

/**
 * A piece of a file.
 * @category models
 * @since 0.1.0
 */
export interface Piece {
  readonly sizeBytes: number
  readonly offset: number
  readonly returnedBytes: number
  readonly content: string
}

/**
 * Where a new file is to be written.
 * @category models
 * @since 0.1.0
 */
export interface NewFile {
  readonly path: string
  /** The directory it has to lie in; a root of the server when undefined. */
  readonly root: string | undefined
  readonly allowAbsolute: boolean
}

/**
 * What the tools are made of.
 * @category services
 * @since 0.1.0
 */
export class Host extends Context.Tag("owf/mcp/Host")<Host, {
  /** Runs a command in this process (H1). */
  readonly command: (words: ReadonlyArray<string>) => Effect.Effect<Ran, Problem>
  /** Runs a command in a process of its own to its end; `line` is told each line of its output (H1, H2). */
  readonly child: (
    words: ReadonlyArray<string>,
    options: { readonly input: string; readonly line: (line: string) => Effect.Effect<void> }
  ) => Effect.Effect<Ran, Problem>
  /**
   * Starts a command that runs a workflow and leaves it once it printed an event; what it said when it ends before.
   */
  readonly background: (
    words: ReadonlyArray<string>,
    input: string,
    isEvent: (line: string) => boolean
  ) => Effect.Effect<Begun | Ran, Problem>
  /** A file that is there (H3). */
  readonly file: (path: string) => Effect.Effect<string, Problem>
  /** A file that is to be written (H3). */
  readonly newFile: (asked: NewFile) => Effect.Effect<string, Problem>
  /** A home, which need not be there; the server's own for undefined (H3). */
  readonly home: (path: string | undefined) => Effect.Effect<string, Problem>
  /** Refuses the directory of a run that is not the home's own (H3). */
  readonly runDirectory: (directory: string) => Effect.Effect<void, Problem>
  /** A piece of a file below a directory, which is a run's; no link is followed (H3). */
  readonly read: (
    directory: string,
    path: string,
    options: { readonly offset: number; readonly maxBytes: number }
  ) => Effect.Effect<Piece, Problem>
  /** The text of a file that comes with the package. */
  readonly packaged: (path: string) => Effect.Effect<string, Problem>
}>() {}
