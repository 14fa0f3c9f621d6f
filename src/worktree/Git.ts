/**
 * Git as it is called here: without hooks, monitors, prompts and pagers, and without anything of our environment that
 * would point it at another repository.
 *
 * - G1. No `GIT_*` variable of ours reaches it; the repository is named with variables of our own.
 * - G2. Configuration that runs programs is overridden for every command. Filters run only where `filters` says so.
 * - G3. Paths are given and read NUL-terminated, as literal names and not as patterns.
 * - G4. A lock that is held by another git is waited for a while, and never removed.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import { Subprocess } from "../internal/subprocess/Subprocess.ts"
import type { SubprocessError } from "../internal/subprocess/Subprocess.ts"
import { WorktreeError } from "./Worktree.ts"

/**
 * A command of git.
 * @category models
 * @since 0.1.0
 */
export interface Command {
  /** Where it runs: an existing directory. */
  readonly cwd: string
  readonly args: ReadonlyArray<string>
  /** The repository's own variables, such as `GIT_DIR` and `GIT_INDEX_FILE`. */
  readonly variables?: Readonly<Record<string, string>> | undefined
  /** Names of filters that are not to run, because their configuration is not trusted. */
  readonly withoutFilters?: ReadonlyArray<string> | undefined
  readonly input?: string | undefined
  /** Bytes of output that are read; what comes after them is cut. Defaults to 256 MiB. */
  readonly maxOutputBytes?: number | undefined
}

/**
 * How a command ended.
 * @category models
 * @since 0.1.0
 */
export interface Output {
  readonly code: number
  readonly text: string
  readonly isCut: boolean
  readonly stderr: string
}

/**
 * Runs commands of git.
 * @category models
 * @since 0.1.0
 */
export interface Git {
  /** Runs a command; any exit code is an answer. */
  readonly ask: (command: Command) => Effect.Effect<Output, WorktreeError>
  /** Runs a command that has to succeed, and gives what it printed. */
  readonly run: (command: Command) => Effect.Effect<string, WorktreeError>
  /** The same without the line break at the end, for commands that print one line. */
  readonly line: (command: Command) => Effect.Effect<string, WorktreeError>
}

/**
 * Git with the given variables, of which it gets what programs need to run at all.
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(environment: Readonly<Record<string, string>>) {
  const subprocess = yield* Subprocess
  const base = { ...allowed(environment), ...quiet }
  const ask = Effect.fn("Git.ask")(function*(command: Command) {
    const sink = makeSink()
    const ended = yield* subprocess.run({
      program: "git",
      args: [...overrides(command.withoutFilters ?? []), ...command.args],
      cwd: command.cwd,
      environment: { ...base, ...command.variables },
      input: command.input ?? "",
      maxOutputBytes: command.maxOutputBytes ?? defaultMaxOutput
    }, sink.take).pipe(Effect.mapError(unstartable))
    const isCut = ended.endedBy === "output"
    return { code: isCut ? 0 : ended.code ?? -1, text: sink.text(), isCut, stderr: ended.stderr }
  })
  const once = (command: Command): Effect.Effect<string, WorktreeError> =>
    Effect.flatMap(ask(command), (output) => output.code === 0 ? Effect.succeed(output.text) : refused(output))
  const run = (command: Command) => Effect.retry(once(command), { while: isLocked, schedule: whileLocked })
  const git: Git = { ask, run, line: (command) => Effect.map(run(command), (text) => text.replace(/\r?\n$/, "")) }
  return git
})

/**
 * What git says of a command it refused.
 * @category constructors
 * @since 0.1.0
 */
export const refused = ({ code, stderr }: Output): WorktreeError => {
  const said = stderr.replaceAll(/^(?:fatal|error): /gm, "").trim()
  return new WorktreeError({ reason: "Refused", detail: said === "" ? `git ended with code ${code}` : `git: ${said}` })
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const defaultMaxOutput = 268_435_456

const quiet: Readonly<Record<string, string>> = {
  LC_ALL: "C",
  GIT_TERMINAL_PROMPT: "0",
  GIT_OPTIONAL_LOCKS: "0",
  GIT_PAGER: "cat",
  GIT_EDITOR: "true",
  GIT_LITERAL_PATHSPECS: "1",
  GIT_ASKPASS: "true",
  SSH_ASKPASS: "true"
}

const wanted = /^(?:PATH|HOME|USER|LOGNAME|TMPDIR|XDG_CONFIG_HOME)$/

const allowed = (environment: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(environment).filter(([name]) => wanted.test(name)))

const overrides = (withoutFilters: ReadonlyArray<string>): ReadonlyArray<string> =>
  [
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.untrackedCache=false",
    "core.quotePath=false",
    "core.pager=cat",
    "protocol.ext.allow=never",
    "gc.auto=0",
    "maintenance.auto=false",
    "commit.gpgSign=false",
    "advice.addEmbeddedRepo=false",
    "submodule.recurse=false",
    ...withoutFilters.flatMap((name) => [
      `filter.${name}.clean=`,
      `filter.${name}.smudge=`,
      `filter.${name}.process=`,
      `filter.${name}.required=false`
    ])
  ].flatMap((setting) => ["-c", setting])

const makeSink = () => {
  const decoder = new TextDecoder()
  const parts: Array<string> = []
  return {
    take: (chunk: Uint8Array) =>
      Effect.sync(() => {
        parts.push(decoder.decode(chunk, { stream: true }))
        return "more" as const
      }),
    text: () => parts.join("") + decoder.decode()
  }
}

const unstartable = (error: SubprocessError): WorktreeError =>
  new WorktreeError({
    reason: "Unavailable",
    detail: error.reason === "NotFound" ? "git is not installed, or not in the PATH" : error.message
  })

// git names the file and says that another process may be running: the words have not changed for many years
const lockWords = /\.lock'?: File exists|could not lock|cannot lock ref|unable to (?:create|lock)/i

const isLocked = (error: WorktreeError): boolean => error.reason === "Refused" && lockWords.test(error.detail)

const whileLocked = Schedule.exponential(Duration.millis(20)).pipe(
  Schedule.union(Schedule.spaced(Duration.millis(500))),
  Schedule.jittered,
  Schedule.upTo(Duration.seconds(10))
)
