/**
 * The commands a report names, as they are typed in the working directory of whoever reads it.
 */
import type { CallId } from "../domain/Ids.ts"
import type * as Records from "../domain/Records.ts"
import type { Commands, RunState } from "./RunReport.ts"

/**
 * The commands that show the rest of a run.
 * @category constructors
 * @since 0.1.0
 */
export const make = (run: Pick<RunState, "id" | "resumeCommand">, home: string | undefined): Commands => {
  const command = (words: string): string => `owf ${words}${homeFlag(home)}`
  return {
    status: command(`status ${run.id}`),
    output: command(`output ${run.id}`),
    events: command(`events ${run.id}`),
    answer: command("cat CALL_ID"),
    prompt: command("cat CALL_ID --prompt"),
    raw: command("cat CALL_ID --raw"),
    details: command("cat CALL_ID --json"),
    diff: command("diff CALL_ID"),
    resume: run.resumeCommand
  }
}

/**
 * A command of a report for one call.
 * @category converting
 * @since 0.1.0
 */
export const forCall = (command: string, id: CallId): string => command.replaceAll("CALL_ID", () => id)

/**
 * Whether a run is over, so that nothing of it is left to be done: a graph that came to a fail node is.
 * @category predicates
 * @since 0.1.0
 */
export const hasEnded = ({ errorKind, status }: Pick<Records.Run, "errorKind" | "status">): boolean =>
  status === "done" || status === "degraded" || (status === "failed" && errorKind === "FlowFailed")

/**
 * The command that goes on with a run; undefined for a run that is done, under way or waiting, or was not started from a
 * file.
 * @category converting
 * @since 0.1.0
 */
export const resumeOf = (
  run: Pick<Records.Run, "rootRunId" | "status" | "scriptPath" | "errorKind">,
  home: string | undefined
): string | undefined =>
  run.scriptPath === null || run.status === "running" || run.status === "waiting" || hasEnded(run)
    ? undefined
    : resume(run.rootRunId, home)

/**
 * The command that goes on with a run in a home; the home is left out when it is the one found without saying.
 * @category converting
 * @since 0.1.0
 */
export const resume = (runId: string, home: string | undefined): string => `owf resume ${runId}${homeFlag(home)}`

/**
 * What a command about a home has to be given to find it, with a space before; empty where it is found without saying.
 * @category converting
 * @since 0.1.0
 */
export const homeFlag = (home: string | undefined): string => home === undefined ? "" : ` --home ${quoted(home)}`

/**
 * A word as a shell reads it back.
 * @category converting
 * @since 0.1.0
 */
export const quoted = (word: string): string => /^[\w./~-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
