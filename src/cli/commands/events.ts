/**
 * `owf events RUN_ID`: lists what happened in a run.
 */
import * as Effect from "effect/Effect"
import * as Records from "../../domain/Records.ts"
import { RunStore } from "../../store/RunStore.ts"
import * as Format from "../Format.ts"
import { note, print, printJson } from "../Output.ts"
import * as Spec from "../Spec.ts"
import { encode, findRun, reading, runId, withStore } from "./shared.ts"

/**
 * Lists what happened in a run.
 * @category constructors
 * @since 0.1.0
 */
export const events = Spec.make({
  name: "events",
  summary: "List what happened in a run",
  positional: runId,
  examples: ["owf events latest", "owf events latest --json"],
  flags: reading
}, ({ home, json }, id) =>
  withStore(
    home,
    Effect.gen(function*() {
      const run = yield* findRun(id)
      const store = yield* RunStore
      const found = yield* store.events(run.id)
      if (json) return yield* printJson(found.map((event) => encode(Records.Event, event)))
      if (found.length === 0) return yield* note(`Run ${run.id} has no events.`)
      yield* print(Format.table(found.map((event) => [
        event.timestamp,
        event.type,
        event.callId === null ? "" : `call ${event.callId.slice(event.callId.lastIndexOf("_") + 1)}`,
        Format.clip(event.dataJson === null ? event.message : `${event.message} ${event.dataJson}`, 160)
      ])))
    })
  ))
