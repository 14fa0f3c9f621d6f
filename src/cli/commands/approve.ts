/**
 * `owf approve RUN_ID [NODE]`: answers a run that waits for a person.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Records from "../../domain/Records.ts"
import * as Nearest from "../../internal/nearest.ts"
import { RunStore } from "../../store/RunStore.ts"
import * as Flag from "../Flag.ts"
import { Host } from "../Host.ts"
import { print, printJson } from "../Output.ts"
import * as RunView from "../RunView.ts"
import * as Spec from "../Spec.ts"
import * as Usage from "../UsageError.ts"
import { findRun } from "./shared.ts"

/**
 * Answers a run that waits for a person.
 * @category constructors
 * @since 0.1.0
 */
export const approve = Spec.make({
  name: "approve",
  summary: "Answer a run that waits for a person",
  details:
    "A process that is at work on the run goes on at once; otherwise the answer is there when the run is resumed. " +
    "The first answer counts.",
  positional: {
    name: "run_id",
    description: "Id or name of a run, then the node that waits, which may be left out when only one does",
    repeated: true
  },
  examples: [
    "owf approve latest",
    "owf approve deploy-nightly gate --message 'After the freeze'",
    "owf approve deploy-nightly gate --reject"
  ],
  flags: {
    reject: Flag.flag("reject", "Say no"),
    message: Flag.text("message", "TEXT", "What to tell the run"),
    json: Flag.json,
    home: Flag.home,
    debug: Flag.debug
  }
}, ({ home, json, message, reject }, _, [id, node, ...more]) =>
  Effect.gen(function*() {
    const host = yield* Host
    if (id === undefined || more.length > 0) {
      return yield* Usage.make("owf approve takes a run and the node that waits.", "Such as owf approve latest gate.")
    }
    const at = host.home(home)
    // a home that is not there is not made
    yield* Effect.provide(findRun(id), host.store(at, "read"))
    const answered = yield* Effect.provide(
      Effect.gen(function*() {
        const run = yield* findRun(id)
        const approval = yield* pending(run, id, node)
        const store = yield* RunStore
        const decided = yield* store.decide({
          runId: approval.runId,
          name: approval.name,
          decision: reject ? "rejected" : "approved",
          message: message ?? null,
          at: yield* Clock.currentTimeMillis
        })
        if (!decided) return yield* answeredBefore(approval.name, id)
        return { run: yield* store.run(run.rootRunId), approval }
      }),
      host.store(at, "write")
    )
    const { approval, run } = answered
    const resume = RunView.resumeCommand(run, home === undefined ? undefined : host.shown(at))
    const decision = reject ? "rejected" : "approved"
    if (json) return yield* printJson({ run_id: approval.runId, node: approval.name, decision, resume: resume ?? null })
    yield* print(`${approval.name} of run ${run.id} is ${decision}`)
    if (resume !== undefined) yield* print(`nobody is at work on the run; go on with: ${resume}`)
  }))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const answeredBefore = (name: string, id: string) =>
  Usage.make(`${name} of run ${id} was answered before.`, `\`owf events ${id}\` shows what it did then.`)

/** The question meant: the one of this name, or the only one without an answer. */
const pending = Effect.fnUntraced(function*(
  run: Records.Run,
  id: string,
  node: string | undefined
) {
  const all = yield* Effect.map(
    Effect.flatMap(RunStore, (store) => store.approvals(run.rootRunId)),
    // a child run that is named answers for itself
    (approvals) => run.parentRunId === null ? approvals : approvals.filter(({ runId }) => runId === run.id)
  )
  const open = all.filter(({ decision }) => decision === null)
  const names = open.map(({ name }) => name)
  const [first, ...others] = node === undefined ? open : open.filter(({ name }) => name === node)
  if (first !== undefined && others.length === 0) return first
  if (first !== undefined) {
    return yield* node === undefined
      ? Usage.make(
        `Run ${id} waits for several answers: ${names.join(", ")}.`,
        `Such as owf approve ${id} ${first.name}.`
      )
      : Usage.make(
        `${node} waits in several runs below ${id}: ${[first, ...others].map(({ runId }) => runId).join(", ")}.`,
        "Name the run that is meant."
      )
  }
  if (node !== undefined && all.some(({ name }) => name === node)) return yield* answeredBefore(node, id)
  return yield* node === undefined
    ? Usage.make(`Run ${id} waits for nobody.`, `\`owf status ${id}\` shows where it stands.`)
    : Usage.make(
      `Run ${id} does not wait for an answer at '${node}'.${Nearest.suggestion(node, names)}`,
      names.length === 0 ? "It waits for nobody." : `It waits at ${names.join(", ")}.`
    )
})
