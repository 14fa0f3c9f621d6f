/**
 * `owf health RUN_ID`: says by its exit code whether a run that nobody watches is all right.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { RunStore } from "../../store/RunStore.ts"
import { ExitCode } from "../ExitCode.ts"
import * as Flag from "../Flag.ts"
import * as Health from "../Health.ts"
import { Exited, Host } from "../Host.ts"
import { note, print, printJson } from "../Output.ts"
import * as RunView from "../RunView.ts"
import * as Spec from "../Spec.ts"
import { findRun, reading, runId, withStore } from "./shared.ts"

/**
 * Says by its exit code whether a run that nobody watches is all right.
 * @category constructors
 * @since 0.1.0
 */
export const health = Spec.make({
  name: "health",
  summary: "Say by the exit code whether a run is all right",
  positional: runId,
  details:
    "For health checks: exits with 0 while the run's process gives signs of life and gets on, waits, or has come to " +
    "its end; with 8 when the process is gone or does nothing any more, or the run failed.",
  examples: ["owf health latest", "owf health deploy-nightly --stuck-after 1440"],
  flags: {
    stuckAfter: Flag.number(
      "stuck-after",
      "MINUTES",
      "How long nothing may happen while the run works: longer than any call may take (default: 360)",
      { least: 1, whole: true }
    ),
    ...reading
  }
}, ({ home, json, stuckAfter }, id) =>
  withStore(
    home,
    Effect.gen(function*() {
      const run = yield* findRun(id)
      const { pulse, run: runOf } = yield* RunStore
      const root = run.parentRunId === null ? run : yield* runOf(run.rootRunId)
      const now = yield* Clock.currentTimeMillis
      const signs = yield* pulse(root.id)
      const found = Health.of(root, signs, { now, patience: (stuckAfter ?? 360) * 60_000 })
      const { detail, isHealthy, state } = found
      const host = yield* Host
      const resume = RunView.resumeCommand(root, home === undefined ? undefined : host.shown(host.home(home)))
      if (json) {
        yield* printJson({
          run_id: root.id,
          status: root.status,
          healthy: isHealthy,
          state,
          detail: `it ${detail}`,
          heartbeat_at: isoOf(signs.heartbeatAt),
          last_event_at: isoOf(signs.lastEventAt),
          waiting_until: isoOf(signs.waitingUntil),
          resume: resume ?? null
        })
      } else {
        yield* print(`${isHealthy ? "healthy" : "unhealthy"}: run ${root.id} ${detail}`)
        if (resume !== undefined) yield* note(`resume with: ${resume}`)
      }
      if (!isHealthy) return yield* new Exited({ code: ExitCode.unhealthy })
    })
  ))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const isoOf = (moment: number | null): string | null => moment === null ? null : new Date(moment).toISOString()
