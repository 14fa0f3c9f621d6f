/**
 * Asks the process of a run to stop, as Ctrl-C would.
 *
 * A signal is sent to a process only when it is the one that took the run, by its start time where the system tells it,
 * and is an `owf` command, which records where the run stands. An application would be ended with everything else it does.
 */
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import type { Stopped } from "../cli/Host.ts"
import * as SystemError from "../internal/systemError.ts"
import { Owner } from "../store/Owner.ts"
import type { OwnerId } from "../store/Owner.ts"
import * as ProcessOwner from "./ProcessOwner.ts"

/**
 * Asks the process of a run to stop.
 * @category running
 * @since 0.1.0
 */
export const stop = (owner: OwnerId): Effect.Effect<Stopped> =>
  Effect.provide(
    Effect.flatMap(Owner, ({ check, self }) =>
      owner.system === self.system && owner.pid === self.pid
        ? Effect.succeed("foreign" as const)
        : Effect.map(check(owner), (state): Stopped => {
          if (state === "unknown") return "elsewhere"
          if (state === "dead") return "gone"
          return isCommand(owner.pid) ? signal(owner.pid) : "foreign"
        })),
    ProcessOwner.layer
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const signal = (pid: number): Stopped => {
  try {
    process.kill(pid, "SIGINT")
    return "asked"
  } catch (error) {
    return SystemError.codeOf(error) === "ESRCH" ? "gone" : "foreign"
  }
}

/** Whether a process was started as `owf`; where the system does not tell, it was. */
const isCommand = (pid: number): boolean => {
  try {
    return isOwf(Fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0"))
  } catch {
    return process.platform !== "linux"
  }
}

/** Whether the program is `owf`, or the script that Node runs; what either is told may be called anything. */
const isOwf = ([program = "", ...words]: ReadonlyArray<string>): boolean => {
  if (isNamedOwf(program)) return true
  const script = words.findIndex((word, at) => !word.startsWith("-") && !takesValue.has(words[at - 1] ?? ""))
  return isNamedOwf(words[script] ?? "") && !words.slice(0, script).some((word) => evaluates.has(word))
}

const isNamedOwf = (word: string): boolean => ["owf", "owf.js"].includes(Path.basename(word))

const evaluates: ReadonlySet<string> = new Set(["-e", "--eval", "-p", "--print", "-pe"])

/** Options of Node whose value may be the next word. */
const takesValue: ReadonlySet<string> = new Set([
  "-C",
  "--conditions",
  "--env-file",
  "--experimental-loader",
  "--import",
  "--loader",
  "-r",
  "--require",
  "--title"
])
