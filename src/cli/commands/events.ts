/**
 * `owf events RUN_ID`: lists what happened in a run.
 */
import * as Effect from "effect/Effect"
import * as LoadSlice from "../../report/LoadSlice.ts"
import * as ReportJson from "../../report/ReportJson.ts"
import type { EventReport, RunState } from "../../report/RunReport.ts"
import * as Flag from "../Flag.ts"
import * as Format from "../Format.ts"
import * as Follow from "../live/Follow.ts"
import * as Text from "../live/Text.ts"
import { note, print, printJson } from "../Output.ts"
import * as Spec from "../Spec.ts"
import { reading, runId, withStore } from "./shared.ts"

/**
 * Lists what happened in a run.
 * @category constructors
 * @since 0.1.0
 */
export const events = Spec.make({
  name: "events",
  summary: "List what happened in a run",
  details: "Runs below the run have events of their own. With --follow, --json prints a line of JSON for each event.",
  positional: runId,
  examples: [
    "owf events latest",
    "owf events latest --follow --json",
    "owf events latest --type log --after 120"
  ],
  flags: {
    follow: Flag.flag("follow", "Go on with what happens until the run has ended", "f"),
    after: Flag.number("after", "ID", "Only events after this one", { least: 0, whole: true }),
    limit: Flag.number("limit", "N", "Events to list (default: all)", { least: 1, whole: true }),
    type: Flag.text("type", "NAME", "Only events of this type, such as log or call_settled"),
    ...reading
  }
}, ({ after, follow, home, json, limit, type }, id) =>
  withStore(
    home,
    Effect.gen(function*() {
      const run = yield* LoadSlice.run(id)
      if (follow) return yield* followed(run, { after, type }, json)
      const found = yield* LoadSlice.events(run.id, { after, limit, type })
      if (json) return yield* printJson(found.map(ReportJson.event))
      if (found.length === 0) return yield* note(`Run ${run.id} has no such events.`)
      yield* print(Format.table(found.map(cells)))
    })
  ))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const followed = (
  run: RunState,
  options: { readonly after: number | undefined; readonly type: string | undefined },
  json: boolean
) =>
  Effect.gen(function*() {
    const lineOf = (event: EventReport): string =>
      json ? JSON.stringify(ReportJson.event(event)) : cells(event).join("  ")
    const ended = yield* Follow.events(run.id, options, (events) => print(events.map(lineOf).join("\n")))
    yield* note(`run ${ended.id} is ${ended.status}`)
  })

const cells = ({ at, callId, data, message, type }: EventReport): ReadonlyArray<string> => [
  new Date(at).toISOString(),
  type,
  callId === null ? "" : `call ${callId.slice(callId.lastIndexOf("_") + 1)}`,
  Format.clip(Text.clean(data === null ? message : `${message} ${data}`), 160)
]
