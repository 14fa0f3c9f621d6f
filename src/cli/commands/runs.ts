/**
 * `owf runs`: lists the runs of a home.
 */
import * as Effect from "effect/Effect"
import * as Records from "../../domain/Records.ts"
import * as Numbers from "../../report/Numbers.ts"
import { RunStore } from "../../store/RunStore.ts"
import * as Flag from "../Flag.ts"
import * as Format from "../Format.ts"
import { Host } from "../Host.ts"
import { note, print, printJson } from "../Output.ts"
import * as Spec from "../Spec.ts"
import { encode, reading, withStore } from "./shared.ts"

/**
 * Lists the runs of a home.
 * @category constructors
 * @since 0.1.0
 */
export const runs = Spec.make({
  name: "runs",
  summary: "List runs, the newest first",
  details: "The calls and costs of a run are those of the runs below it too, as `owf usage RUN_ID` adds them up.",
  examples: ["owf runs", "owf runs --limit 5 --all --json"],
  flags: {
    limit: Flag.number("limit", "N", "Runs to list (default: 20; 0 for all)", { least: 0, whole: true }),
    all: Flag.flag("all", "Child runs too"),
    ...reading
  }
}, ({ all, home, json, limit = 20 }) =>
  Effect.gen(function*() {
    const store = yield* RunStore
    const found = yield* store.runs({ limit: limit === 0 ? Number.MAX_SAFE_INTEGER : limit, children: all })
    if (json) return yield* printJson(found.map((run) => encode(Records.ListedRun, run)))
    if (found.length === 0) return yield* note(`There are no runs in ${store.home}.`)
    yield* print(Format.table([header, ...found.map(row)]))
  }).pipe(
    (listed) => withStore(home, listed),
    // a home nobody made yet has no runs
    Effect.catchIf(
      (error) => error._tag === "StoreError" && error.reason === "Missing",
      () =>
        json
          ? printJson([])
          : Effect.flatMap(Host, (host) => note(`There are no runs in ${host.home(home)}.`))
    )
  ))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const header = ["run", "status", "workflow", "calls", "cost", "created"]

const row = (run: Records.ListedRun): ReadonlyArray<string> => [
  run.id,
  run.status,
  run.workflowName,
  String(run.calls),
  Numbers.cost(run.costUsd, run.unknownCosts, run.attempts),
  run.createdAt
]
