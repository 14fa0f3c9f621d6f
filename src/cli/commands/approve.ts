/**
 * `owf approve RUN_ID [NODE]`: answers a run that waits for a person.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Records from "../../domain/Records.ts"
import * as Nearest from "../../internal/nearest.ts"
import * as Commands from "../../report/Commands.ts"
import { RunStore } from "../../store/RunStore.ts"
import * as Flag from "../Flag.ts"
import * as Format from "../Format.ts"
import { Host } from "../Host.ts"
import { note, print, printJson } from "../Output.ts"
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
    const flag = home === undefined ? undefined : host.shown(at)
    // a home that is not there is not made
    yield* Effect.provide(findRun(id), host.store(at, "read"))
    const decision = reject ? "rejected" : "approved"
    const { name, others, root, runId } = yield* Effect.provide(
      Effect.gen(function*() {
        const store = yield* RunStore
        const run = yield* findRun(id)
        const root = run.parentRunId === null ? run : yield* store.run(run.rootRunId)
        const asked: Asked = { id, root, flag, all: yield* questions(run) }
        const { name, runId } = yield* pending(asked, node)
        const now = yield* Clock.currentTimeMillis
        const decided = yield* store.decide({ runId, name, decision, message: message ?? null, at: now })
        // somebody else was quicker
        if (!decided) return yield* answeredBefore({ ...asked, all: yield* questions(run) }, name)
        const others = asked.all.flatMap((other) =>
          other.decision !== null || (other.name === name && other.runId === runId) ? [] : [other.name]
        )
        return { name, others, root, runId }
      }),
      host.store(at, "write")
    )
    const resume = RunView.resumeCommand(root, flag)
    if (json) return yield* printJson({ run_id: runId, node: name, decision, resume: resume ?? null })
    yield* print(`${name} of run ${root.id} is ${decision}`)
    if (others.length > 0) {
      yield* note(`the run waits for ${Format.count(others.length, "more answer")}: ${others.join(", ")}`)
    }
    if (resume !== undefined) yield* note(`nobody is at work on the run; resume with: ${resume}`)
  }))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** What the run that was named asks, and has asked. */
interface Asked {
  /** As it was named. */
  readonly id: string
  readonly root: Records.Run
  /** The home to name in commands. */
  readonly flag: string | undefined
  readonly all: ReadonlyArray<Records.Approval>
}

const questions = (run: Records.Run) =>
  Effect.map(
    Effect.flatMap(RunStore, (store) => store.approvals(run.rootRunId)),
    // a child run that is named answers for itself
    (approvals) => run.parentRunId === null ? approvals : approvals.filter(({ runId }) => runId === run.id)
  )

/** The question meant: the one of this name, or the only one without an answer. */
const pending = (asked: Asked, node: string | undefined): Effect.Effect<Records.Approval, Usage.UsageError> => {
  const { all, id } = asked
  const open = all.filter(({ decision }) => decision === null)
  const names = open.map(({ name }) => name)
  const [first, ...others] = node === undefined ? open : open.filter(({ name }) => name === node)
  if (first !== undefined && others.length === 0) return Effect.succeed(first)
  if (first !== undefined) {
    return node === undefined
      ? Usage.make(`Run ${id} waits for several answers: ${names.join(", ")}.`, `Name one: ${commandOf(asked, first)}`)
      : Usage.make(
        `${node} waits in several runs below ${id}: ${[first, ...others].map(({ runId }) => runId).join(", ")}.`,
        `Name the run that is meant: ${commandOf({ ...asked, id: first.runId }, first)}`
      )
  }
  if (node === undefined) return waitsForNobody(asked)
  return all.some(({ name }) => name === node) ? answeredBefore(asked, node) : Usage.make(
    `Run ${id} does not wait for an answer at '${node}'.${Nearest.suggestion(node, names)}`,
    names.length === 0 ? "It waits for nobody." : `It waits at ${names.join(", ")}.`
  )
}

/** The first answer counts, so whoever comes late is told what it was, and what there is to do now. */
const answeredBefore = (asked: Asked, node: string): Usage.UsageError => {
  const answers = asked.all.filter(({ decision, name }) => name === node && decision !== null).map(answerOf)
  const next = asked.all.find(({ decision }) => decision === null)
  return Usage.make(
    `${node} of run ${asked.id} was answered before: ${answers.join("; ")}.`,
    "The first answer counts.",
    ...next === undefined ? standing(asked) : [`It waits at ${next.name} now: ${commandOf(asked, next)}`]
  )
}

const waitsForNobody = (asked: Asked): Usage.UsageError => {
  const answers = asked.all.map((approval) => `${approval.name} was ${answerOf(approval)}`)
  const before = answers.length > named ? `, and ${answers.length - named} before` : ""
  return Usage.make(
    answers.length === 0
      ? `Run ${asked.id} waits for nobody.`
      : `Run ${asked.id} waits for nobody any more: ${answers.slice(-named).join("; ")}${before}.`,
    ...standing(asked)
  )
}

/** Answers that are named where none is asked for. */
const named = 3

const answerOf = ({ decidedAt, decision, message }: Records.Approval): string => {
  const when = decidedAt === null ? "" : ` at ${decidedAt}`
  const said = message === null ? "" : `, '${Format.clip(message, 200)}'`
  return decision === "expired" ? `not answered in time${when}` : `${decision ?? "not answered"}${when}${said}`
}

const standing = ({ flag, id, root }: Asked): ReadonlyArray<string> => {
  const resume = RunView.resumeCommand(root, flag)
  return [
    `\`owf status ${id}${RunView.homeFlag(flag)}\` shows where it stands.`,
    ...resume === undefined ? [] : [`Nobody is at work on it; resume with: ${resume}`]
  ]
}

const commandOf = ({ flag, id }: Asked, { name }: Records.Approval): string =>
  `owf approve ${id} ${Commands.quoted(name)}${RunView.homeFlag(flag)}`
