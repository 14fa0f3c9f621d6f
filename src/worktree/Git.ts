/**
 * Git as it is called here: without hooks, monitors, prompts and pagers, and without anything of our environment that
 * would point it at another repository.
 *
 * - G1. No `GIT_*` variable of ours reaches it; the repository is named with variables of our own.
 * - G2. Configuration that runs programs is overridden for every command. Filters run as `settings` say, and nothing is
 *   fetched from another repository unless a command says that it may.
 * - G3. Paths are given and read NUL-terminated, as literal names and not as patterns, byte by byte.
 * - G4. A lock that is held by another git is waited for a while, and never removed.
 * - G5. A git that is silent for too long is ended: a FIFO in place of a file would hold it up for ever.
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
  /** Configuration for this command, which comes before that of all files. */
  readonly settings?: ReadonlyArray<Setting> | undefined
  /** Whether objects a partial clone lacks may be fetched for it. */
  readonly mayFetch?: boolean | undefined
  readonly input?: string | Uint8Array | undefined
  /** Bytes of output that are read; what comes after them is cut. Defaults to 1 GiB. */
  readonly maxOutputBytes?: number | undefined
}

/**
 * A key of git's configuration and its value.
 * @category models
 * @since 0.1.0
 */
export type Setting = readonly [key: string, value: string]

/**
 * How a command ended.
 * @category models
 * @since 0.1.0
 */
export interface Output {
  readonly code: number
  readonly bytes: Uint8Array
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
  /** Runs a command that has to succeed. */
  readonly run: (command: Command) => Effect.Effect<Output, WorktreeError>
  /** Runs a command that has to succeed and prints one line. */
  readonly line: (command: Command) => Effect.Effect<string, WorktreeError>
}

/**
 * What git gets to run, and how long it is waited for.
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Variables of the process, of which git gets those it needs to run. */
  readonly environment: Readonly<Record<string, string>>
  /** How long a lock that another git holds is waited for. Defaults to 10 seconds. */
  readonly lockTimeout?: Duration.Duration | undefined
  /** How long git may say nothing. Defaults to 10 minutes. */
  readonly silenceTimeout?: Duration.Duration | undefined
}

/**
 * Git with the given variables, of which it gets what programs need to run at all.
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(function*(options: Options) {
  const subprocess = yield* Subprocess
  const base = { ...allowed(options.environment), ...quiet }
  const { lockTimeout = Duration.seconds(10), silenceTimeout = Duration.minutes(10) } = options
  const ask = Effect.fn("Git.ask")(function*(command: Command) {
    const parts: Array<Uint8Array> = []
    const ended = yield* subprocess.run({
      program: "git",
      args: [...overrides, ...command.args],
      cwd: command.cwd,
      environment: {
        ...base,
        ...(command.mayFetch === true ? {} : alone),
        ...variablesOf(command.settings ?? []),
        ...command.variables
      },
      input: command.input ?? "",
      maxOutputBytes: command.maxOutputBytes ?? defaultMaxOutput,
      idleTimeout: silenceTimeout
    }, (chunk) => Effect.sync(() => (parts.push(chunk.slice()), "more"))).pipe(Effect.mapError(unstartable))
    if (ended.endedBy === "silence") return yield* silent(command, silenceTimeout)
    const isCut = ended.endedBy === "output"
    const bytes = joined(parts)
    const output: Output = {
      code: isCut ? 0 : ended.code ?? -1,
      bytes,
      isCut,
      stderr: ended.stderr,
      get text() {
        return new TextDecoder().decode(bytes)
      }
    }
    return output
  })
  const once = (command: Command): Effect.Effect<Output, WorktreeError> =>
    Effect.flatMap(ask(command), (output) => output.code === 0 ? Effect.succeed(output) : refused(output))
  const schedule = whileLocked(lockTimeout)
  const run = (command: Command) => Effect.retry(once(command), { while: isLocked, schedule })
  const git: Git = { ask, run, line: (command) => Effect.map(run(command), ({ text }) => text.replace(/\r?\n$/, "")) }
  return git
})

/**
 * What git says of a command it refused.
 * @category constructors
 * @since 0.1.0
 */
export const refused = ({ code, stderr }: Pick<Output, "code" | "stderr">): WorktreeError => {
  const said = saidIn(stderr)
  return new WorktreeError({ reason: "Refused", detail: said === "" ? `git ended with code ${code}` : `git: ${said}` })
}

/**
 * Git's words on its error output.
 * @category converting
 * @since 0.1.0
 */
export const saidIn = (stderr: string): string => stderr.replaceAll(/^(?:fatal|error): /gm, "").trim()

/**
 * Whether a command was refused because another git holds a lock.
 * @category predicates
 * @since 0.1.0
 */
export const isLocked = ({ detail, reason }: WorktreeError): boolean => reason === "Refused" && lockWords.test(detail)

/**
 * Settings that have objects and refs on disk before the command ends.
 * @category models
 * @since 0.1.0
 */
export const durable: ReadonlyArray<Setting> = [
  ["core.fsync", "committed,loose-object,reference"],
  ["core.fsyncMethod", "batch"]
]

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const defaultMaxOutput = 1_073_741_824

const quiet: Readonly<Record<string, string>> = {
  LC_ALL: "C",
  GIT_TERMINAL_PROMPT: "0",
  GIT_OPTIONAL_LOCKS: "0",
  GIT_PAGER: "cat",
  GIT_EDITOR: "true",
  GIT_LITERAL_PATHSPECS: "1",
  GIT_ASKPASS: "true",
  SSH_ASKPASS: "true",
  // what is reachable is asked of the commits themselves, not of what stands in for them
  GIT_NO_REPLACE_OBJECTS: "1",
  GIT_GRAFT_FILE: "/dev/null/none"
}

/** No protocol is allowed, whatever the configuration says; the second is understood by newer versions and is quicker. */
const alone: Readonly<Record<string, string>> = { GIT_ALLOW_PROTOCOL: "none", GIT_NO_LAZY_FETCH: "1" }

const wanted = /^(?:PATH|HOME|USER|LOGNAME|TMPDIR|XDG_CONFIG_HOME|SSH_AUTH_SOCK|(?:HTTPS?|ALL|NO)_PROXY)$/i

const allowed = (environment: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(environment).filter(([name]) => wanted.test(name)))

const overrides: ReadonlyArray<string> = [
  "core.hooksPath=/dev/null",
  "core.fsmonitor=false",
  "core.untrackedCache=false",
  "core.splitIndex=false",
  "core.quotePath=true",
  "core.pager=cat",
  "protocol.ext.allow=never",
  "gc.auto=0",
  "maintenance.auto=false",
  "commit.gpgSign=false",
  "advice.addEmbeddedRepo=false",
  "submodule.recurse=false"
].flatMap((setting) => ["-c", setting])

/** Variables and not arguments, because the name of a filter may hold a `=`. */
const variablesOf = (settings: ReadonlyArray<Setting>): Readonly<Record<string, string>> => {
  const variables: Record<string, string> = settings.length === 0 ? {} : { GIT_CONFIG_COUNT: String(settings.length) }
  for (const [index, [key, value]] of settings.entries()) {
    variables[`GIT_CONFIG_KEY_${index}`] = key
    variables[`GIT_CONFIG_VALUE_${index}`] = value
  }
  return variables
}

const joined = (parts: ReadonlyArray<Uint8Array>): Uint8Array => {
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

const unstartable = (error: SubprocessError): WorktreeError =>
  new WorktreeError({
    reason: "Unavailable",
    detail: error.reason === "NotFound" ? "git is not installed, or not in the PATH" : error.message
  })

const silent = ({ args, cwd }: Command, timeout: Duration.Duration): WorktreeError =>
  new WorktreeError({
    reason: "Unavailable",
    detail: `'git ${args[0] ?? ""}' in ${cwd} said nothing for ${Duration.format(timeout)} and was ended; ` +
      "a special file in place of one that git reads may have held it up"
  })

// git names the file and says that another process may be running: the words have not changed for many years
const lockWords = /\.lock'?: File exists|could not lock|cannot lock ref (?!.*cannot create)|unable to (?:create|lock)/i

const whileLocked = (timeout: Duration.Duration) =>
  Schedule.exponential(Duration.millis(20)).pipe(
    Schedule.union(Schedule.spaced(Duration.millis(500))),
    Schedule.jittered,
    Schedule.upTo(timeout)
  )
