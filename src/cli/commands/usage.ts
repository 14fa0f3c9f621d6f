/**
 * `owf usage [RUN_ID]`: adds up what calls used, over runs or of one.
 *
 * Costs that are not known are counted apart: a sum of known costs is never shown as the whole.
 */
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Records from "../../domain/Records.ts"
import * as LoadSlice from "../../report/LoadSlice.ts"
import * as ReportJson from "../../report/ReportJson.ts"
import type { UsageReport } from "../../report/RunReport.ts"
import * as Flag from "../Flag.ts"
import * as Format from "../Format.ts"
import { Host } from "../Host.ts"
import { note, print, printJson } from "../Output.ts"
import * as Spec from "../Spec.ts"
import * as UsageError from "../UsageError.ts"
import { reading, runId, withStore } from "./shared.ts"

/**
 * Adds up what calls used.
 * @category constructors
 * @since 0.1.0
 */
export const usage = Spec.make({
  name: "usage",
  summary: "Add up tokens and costs, over all runs or of one",
  details:
    "Each line has the calls of a group, how many of them the cache answered, the requests that were sent, their " +
    "tokens, what they cost as far as it is known, and what the cached answers had used.",
  positional: { ...runId, description: `${runId.description}; all runs when left out`, optional: true },
  examples: ["owf usage --by model --since 7d", "owf usage latest --by phase --json"],
  flags: {
    since: Flag.text(
      "since",
      "TIME",
      "Only what was asked since a date (2026-05-28), a time, or for so long (36h, 7d)"
    ),
    by: Flag.choice(
      "by",
      "What to group by: provider, model, workflow, phase or day (default: provider)",
      ["provider", "model", "workflow", "phase", "day"],
      "GROUP"
    ),
    ...reading
  }
}, ({ by = "provider", home, json, since: asked }, id) =>
  Effect.gen(function*() {
    const since = asked === undefined ? undefined : yield* sinceOf(asked)
    const show = (usage: UsageReport) =>
      json
        ? printJson(toJson(usage))
        : usage.groups.length === 0
        ? note(usage.runId === null ? "Nothing was used." : `Run ${usage.runId} has used nothing.`)
        : print(Format.table([
          header(by),
          ...usage.groups.map(row),
          ...(usage.groups.length === 1 ? [] : [row(usage.total)])
        ]))
    yield* withStore(
      home,
      Effect.gen(function*() {
        const run = id === "" ? undefined : yield* LoadSlice.run(id)
        yield* show(yield* LoadSlice.usage({ by, since, run: run?.id }))
      })
    ).pipe(
      // a home nobody made yet has used nothing
      Effect.catchIf(
        (error) => id === "" && error._tag === "StoreError" && error.reason === "Missing",
        () =>
          json
            ? show(LoadSlice.usageOf({ by, since }, []))
            : Effect.flatMap(Host, (host) => note(`There are no runs in ${host.home(home)}.`))
      )
    )
  }))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** The time a text means: a span before now, a date or a time; UTC where it does not say. */
const sinceOf = (text: string): Effect.Effect<number, UsageError.UsageError> =>
  Effect.flatMap(Clock.currentTimeMillis, (now) => {
    const span = /^(\d{1,6})([mhdw])$/.exec(text)
    if (span !== null) return Effect.succeed(now - Number(span[1]) * Duration.toMillis(units[span[2] ?? ""] ?? 0))
    const time = /^\d{4}-\d\d-\d\d/.test(text) ? DateTime.make(text) : Option.none()
    return Option.match(time, {
      onNone: () =>
        Effect.fail(UsageError.make(
          `--since is '${
            Format.clip(text, 80)
          }'; it has to be a date, a time, or a number of minutes, hours, days or weeks.`,
          "Write --since 2026-05-28, --since 2026-05-28T14:00:00Z or --since 7d."
        )),
      onSome: (time) => Effect.succeed(DateTime.toEpochMillis(time))
    })
  })

const units: Readonly<Record<string, Duration.Duration>> = {
  m: Duration.minutes(1),
  h: Duration.hours(1),
  d: Duration.days(1),
  w: Duration.weeks(1)
}

const header = (by: string): ReadonlyArray<string> => [
  by,
  "calls",
  "hits",
  "requests",
  "lost",
  "input",
  "output",
  "cache read",
  "cache write",
  "cost",
  "saved by hits"
]

const row = (usage: Records.Usage): ReadonlyArray<string> => [
  usage.group ?? "(none)",
  String(usage.calls),
  String(usage.hits),
  String(usage.attempts),
  String(usage.lostAttempts),
  String(usage.inputTokens),
  String(usage.outputTokens),
  String(usage.cacheReadTokens),
  String(usage.cacheWriteTokens),
  costOf(usage),
  usage.hits === 0 ? "-" : `${Format.tokens(usage.savedTokens)}, ${Format.usd(usage.savedCostUsd)}`
]

const costOf = ({ attempts, costUsd, unknownCosts }: Records.Usage): string => {
  if (unknownCosts === 0) return Format.usd(costUsd)
  return unknownCosts === attempts ? "unknown" : `${Format.usd(costUsd)} and unknown for ${unknownCosts}`
}

const toJson = ({ by, groups, runId, since, total }: UsageReport) => ({
  by,
  since: since === null ? null : new Date(since).toISOString(),
  run_id: runId,
  groups: ReportJson.encode(groups),
  total: ReportJson.encode(total)
})
