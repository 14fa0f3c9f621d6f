/**
 * Whether a run that nobody watches is all right, for health checks.
 *
 * - H1. A run that waits, for a limit's reset, a time, a file or a person, is healthy however long it waits, as long as its
 *   process gives signs of life. One that should have gone on long ago is not.
 * - H2. A process that lives and does nothing is found: no sign of life for a minute, or nothing recorded for as long as
 *   no call may take.
 * - H3. A run that is over is healthy when it came to its end, and not when it failed.
 */
import type * as Records from "../domain/Records.ts"
import type { Pulse } from "../store/RunStore.ts"
import * as Format from "./Format.ts"
import * as RunView from "./RunView.ts"

/**
 * How a run is, and why.
 * @category models
 * @since 0.1.0
 */
export interface Health {
  readonly isHealthy: boolean
  readonly state: "working" | "waiting" | "ended" | "stopped" | "dead" | "stuck"
  /** What is said of the run, which is the subject. */
  readonly detail: string
}

/**
 * How a run is at a moment, in epoch milliseconds; `patience` is how long nothing may happen while it works.
 * @category converting
 * @since 0.1.0
 */
export const of = (
  run: Pick<Records.Run, "status" | "errorKind" | "errorMessage">,
  pulse: Pulse,
  { now, patience }: { readonly now: number; readonly patience: number }
): Health => {
  switch (run.status) {
    case "done":
    case "degraded":
      return well("ended", `is ${run.status}`)
    case "failed":
      return ill(RunView.hasEnded(run) ? "ended" : "stopped", `failed: ${run.errorMessage ?? "nobody says why"}`)
    case "interrupted":
      return ill("dead", "is interrupted; its process is gone, and nobody has gone on with it")
    case "running":
    case "waiting":
      return underWay(run.status, pulse, now, patience)
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** A sign of life is given every five seconds; a machine under load may miss a few. */
const lifeless = 60_000

const well = (state: Health["state"], detail: string): Health => ({ isHealthy: true, state, detail })
const ill = (state: Health["state"], detail: string): Health => ({ isHealthy: false, state, detail })

const underWay = (status: "running" | "waiting", pulse: Pulse, now: number, patience: number): Health => {
  const { heartbeatAt, lastEventAt, lastEventType, runningCalls, waitingUntil } = pulse
  if (heartbeatAt === null) return ill("dead", `is ${status}; no process holds it`)
  const silence = now - heartbeatAt
  if (silence > lifeless) {
    return ill("dead", `is ${status}; its process has given no sign of life for ${Format.duration(silence)}`)
  }
  if (status === "waiting" && waitingUntil !== null && now - waitingUntil > patience) {
    return ill("stuck", `is waiting; it should have gone on ${Format.duration(now - waitingUntil)} ago`)
  }
  const waits = status === "waiting" || (runningCalls === 0 && lastEventType === "waiting")
  if (waits) {
    return well("waiting", waitingUntil === null ? "waits" : `waits until ${new Date(waitingUntil).toISOString()}`)
  }
  if (lastEventAt === null) return well("working", "is running; nothing has happened yet")
  const quiet = Math.max(0, now - lastEventAt)
  return quiet > patience
    ? ill("stuck", `is running; nothing has happened for ${Format.duration(quiet)}`)
    : well(
      "working",
      `is running; the last thing happened ${quiet < 1000 ? "just now" : `${Format.duration(quiet)} ago`}`
    )
}
