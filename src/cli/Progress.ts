/**
 * Watches a run in this process: an engine that tells what its runs do, child runs included.
 *
 * It listens where the bodies of the runs call in, and where calls tell of themselves, so nothing is read from the store
 * and nothing is missed.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type * as BudgetPort from "../budget/Budget.ts"
import type { RunId } from "../domain/Ids.ts"
import { CallId } from "../domain/Ids.ts"
import * as Money from "../domain/Money.ts"
import type { Facts } from "../domain/Outcome.ts"
import type * as Records from "../domain/Records.ts"
import type { Usage } from "../domain/Usage.ts"
import type * as Engine from "../workflow/Engine.ts"
import type { Told } from "../workflow/Observer.ts"
import { Run } from "../workflow/Run.ts"
import type { Budget } from "./live/Layout.ts"
import type { Amount, Call, Signal } from "./live/Signal.ts"

/**
 * Told what the runs of an engine do.
 * @category models
 * @since 0.1.0
 */
export interface Listener {
  /** A root run is about to be stored, or taken up; from then on it is stopped by `stop` and by nothing else. */
  readonly starting: Effect.Effect<void>
  /** A root run began, or was taken up again. */
  readonly started: (run: Records.Run, directory: string, budget: BudgetPort.Budget) => void
  readonly signal: (signal: Signal) => void
  /** Ends when the root run is to be stopped; its end is stored and given back like every other. */
  readonly stop: Effect.Effect<void>
}

/**
 * An engine that tells a listener what its runs do.
 * @category combinators
 * @since 0.1.0
 */
export const observe = (engine: Engine.Engine["Type"], listener: Listener): Engine.Engine["Type"] => {
  const told = <A, E, E2>(ending: Effect.Effect<Engine.RunResult<A, E>, E2>) =>
    Effect.tap(
      ending,
      ({ runId, status }) =>
        Effect.map(Effect.clock, (clock) =>
          listener.signal({ _tag: "RunEnded", runId, status, at: clock.unsafeCurrentTimeMillis() }))
    )
  return {
    start: (program, options, parent) => {
      const watched = observed(program, listener)
      return Option.isSome(parent)
        ? told(engine.start(watched, options, parent))
        : Effect.zipRight(listener.starting, told(engine.start(root(watched, listener), options, parent)))
    },
    resume: (id, program, options) =>
      Effect.zipRight(listener.starting, told(engine.resume(id, root(observed(program, listener), listener), options)))
  }
}

/**
 * What an event of type `waiting` says; the same for a run of this process and for one that is read from the store.
 * @category converting
 * @since 0.1.0
 */
export const waitingOf = (
  runId: RunId,
  message: string,
  data: unknown
): Extract<Signal, { readonly _tag: "Waiting" }> => {
  const callId = Option.getOrNull(decodeCallId(textAt(data, "callId")))
  const until = Date.parse(textAt(data, "until") ?? "")
  return {
    _tag: "Waiting",
    runId,
    callId,
    name: textAt(data, "name") ?? message,
    text: message,
    until: Number.isNaN(until) ? null : until
  }
}

/**
 * What a budget allows and what of it is spent or set aside.
 * @category converting
 * @since 0.1.0
 */
export const standingOf = ({ limits, reserved, spent }: BudgetPort.Standing): Budget => ({
  tokens: limits.tokens === null ? null : { spent: spent.tokens + reserved.tokens, limit: limits.tokens },
  costUsd: limits.cost === null
    ? null
    : { spent: Money.toUsd(Money.add(spent.cost, reserved.cost)), limit: Money.toUsd(limits.cost) }
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const decodeCallId = Schema.decodeUnknownOption(CallId)

const root = <A, E>(program: Engine.Program<A, E>, { started, stop }: Listener): Engine.Program<A, E> => ({
  ...program,
  body: Effect.flatMap(Run, (run) => {
    started(run.inheritance.journal.run, run.directory, run.budget)
    return Effect.raceFirst(program.body, Effect.zipRight(stop, Effect.interrupt))
  })
})

const observed = <A, E>(program: Engine.Program<A, E>, { signal }: Listener): Engine.Program<A, E> => {
  // a program is made for one run, whose id is known when its body begins; nothing is told before
  let current: RunId | undefined
  return {
    ...program,
    observer: (told) => {
      if (current !== undefined) tell(signal, current, told)
    },
    body: Effect.flatMap(Run, (run) => {
      const { attempt, depth, startedAt, workflowName } = run.inheritance.journal.run
      current = run.id
      signal({ _tag: "RunBegan", runId: run.id, workflow: workflowName, depth, attempt, at: Date.parse(startedAt) })
      return Effect.provideService(program.body, Run, { ...run, ...listening(run, signal) })
    })
  }
}

const listening = (run: Run["Type"], signal: Listener["signal"]): Pick<Run["Type"], "event" | "degrade"> => ({
  event: (type, message, data) =>
    Effect.zipRight(
      run.event(type, message, data),
      Effect.sync(() => {
        if (type === "phase") signal({ _tag: "Phase", runId: run.id, name: message })
        if (type === "log") signal({ _tag: "Logged", runId: run.id, text: message })
        if (type === "waiting") signal(waitingOf(run.id, message, data))
      })
    ),
  degrade: (result) =>
    Effect.zipRight(
      run.degrade(result),
      Effect.sync(() => {
        if (result.callId !== null) signal({ _tag: "Degraded", callId: result.callId })
      })
    )
})

const tell = (signal: Listener["signal"], runId: RunId, told: Told): void => {
  switch (told._tag) {
    case "Placed":
      return signal({ _tag: "Placed", callId: told.call.callId, call: callOf(told.call, runId), at: told.at })
    case "Asked":
      return signal(told)
    case "Ended": {
      const { at, callId, result } = told
      if (result === undefined) return callId === null ? undefined : signal({ _tag: "Broken", callId })
      const { cacheStatus, durationMs, error, estimatedCostUsd, status, usage } = result
      const used = amountOf(usage, estimatedCostUsd)
      const call = callOf(result, runId)
      return signal({ _tag: "CallEnded", call, status, cacheStatus, used, durationMs, error, at })
    }
    case "Reported":
    case "Saved":
      return signal({ _tag: told._tag, callId: told.callId, used: amountOf(told.usage, told.costUsd) })
    case "Retrying": {
      const { attempt, callId, error, until } = told
      return signal({ _tag: "Paused", callId, attempt, why: error, until })
    }
    case "Delayed": {
      const { callId, provider, until } = told
      return signal({ _tag: "Paused", callId, attempt: null, why: `the rate limit of ${provider}`, until })
    }
    case "Waited":
      return signal({ _tag: "Waited", runId, name: told.name })
  }
}

const callOf = (
  { callId, label, model, phase, provider }: Pick<Facts, "callId" | "label" | "phase" | "provider" | "model">,
  runId: RunId
): Call => ({ callId, runId, label, phase, provider, model })

const amountOf = ({ inputTokens, outputTokens }: Usage, costUsd: number | null): Amount => ({
  tokens: inputTokens + outputTokens,
  costUsd
})

const textAt = (data: unknown, key: string): string | undefined =>
  Predicate.hasProperty(data, key) && typeof data[key] === "string" ? data[key] : undefined
