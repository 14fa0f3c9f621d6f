/**
 * A call, from its options to its result: steps 1 to 3, and 4 to 8 through `Attempts`.
 *
 * - C1. A completed call of this run is answered from its journal, whatever changed on disk since, and sends nothing; one
 *   that may change files only while what it left is as it left it.
 * - C2. An answer of another run is used only under the same key, the same number among equal calls and the same
 *   fingerprint of what the agent could read; a mutating call never uses one.
 * - C3. Every call that gets a place in the run leaves a row, also when it is refused before anything is sent.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Budget from "../budget/Budget.ts"
import type * as AgentError from "../domain/AgentError.ts"
import { InvalidCall } from "../domain/AgentError.ts"
import * as CallKey from "../domain/CallKey.ts"
import * as Ids from "../domain/Ids.ts"
import * as Money from "../domain/Money.ts"
import type { Done } from "../domain/Outcome.ts"
import type { CacheStatus } from "../domain/Status.ts"
import * as Usage from "../domain/Usage.ts"
import * as sha256 from "../internal/sha256.ts"
import type { NewCall, Settled, StoreError } from "../store/RunStore.ts"
import * as Attempts from "./Attempts.ts"
import type { CallEnv, Identified } from "./CallEnv.ts"
import * as CallEnvRow from "./CallEnv.ts"
import * as CallResult from "./CallResult.ts"
import * as Described from "./Described.ts"
import * as Fallback from "./Fallback.ts"
import * as Observer from "./Observer.ts"
import type { CallOptions, Problem } from "./Options.ts"
import * as Position from "./Position.ts"
import * as Readable from "./Readable.ts"
import * as Recall from "./Recall.ts"
import * as Settle from "./Settle.ts"
import { currentPhase } from "./Verbs.ts"

/**
 * Makes a call in a run.
 * @category running
 * @since 0.1.0
 */
export const make =
  (env: CallEnv) =>
  <A>(prompt: string, options: Described.AgentOptions<A>): Effect.Effect<Done<A | string>, AgentError.AgentError> =>
    Effect.withFiberRuntime((fiber) => {
      const position = fiber.getFiberRef(Position.current)?.path ?? ""
      const phase = options.phase ?? fiber.getFiberRef(currentPhase) ?? null
      const hasFallback = fiber.getFiberRef(Fallback.isDeclared)
      const described = Described.make(prompt, options, env.defaults, env.providers)
      const place = (described: Either.Either<Described.Described<A>, Problem>) =>
        Either.isLeft(described)
          ? refused<A>(env, refuse(env, prompt, options, phase, position, described.left))
          : placed(env, described.right, position, phase, hasFallback)
      const known = Described.ready(described)
      return known === undefined ? Effect.flatMap(Effect.either(described), place) : place(known)
    })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type Result<A> = Effect.Effect<Done<A | string>, AgentError.AgentError>

const placed = <A>(
  run: CallEnv,
  described: Described.Described<A>,
  position: string,
  phase: string | null,
  hasFallback: boolean
): Result<A> => {
  const call = identify(run, described, run.replay.take(described.callKey, position), position, phase)
  const env = withBudget(run, call)
  const replayed = replay(env, call)
  if (replayed !== undefined) return Effect.succeed(replayed)
  if (hasFallback && call.place.recorded?.status === "degraded") return failedBefore(env, call)
  // what was recorded is read back, and what the agent reads is looked at, only where there is any
  return call.place.recorded !== undefined || Readable.isReader(call) ? prepared(env, call) : live(env, call)
}

/** A call that gets no place ends at once. */
const refused = <A>({ now, observer }: CallEnv, refusal: Result<A>): Result<A> =>
  observer === undefined ? refusal : Effect.uninterruptible(Observer.ending(observer, null, now, refusal))

/** The budget of the call's own, within the run's; what earlier tries of the call spent is gone from it. */
const withBudget = <A>(env: CallEnv, { described, place: { recorded } }: Identified<A>): CallEnv => {
  const own = described.options.budget
  if (own === undefined) return env
  const limits = {
    tokens: own.tokens ?? null,
    cost: own.costUsd === undefined ? null : Money.fromUsd(own.costUsd)
  }
  const spent = recorded === undefined
    ? Budget.zero
    : { tokens: Usage.total(recorded.usage), cost: recorded.cost ?? Money.zero }
  return { ...env, budget: Budget.within(env.budget, limits, spent) }
}

const identify = <A>(
  env: CallEnv,
  described: Described.Described<A>,
  place: Identified<A>["place"],
  position: string,
  phase: string | null
): Identified<A> => {
  const callId = Ids.callId(env.run.id, place.index)
  return {
    described,
    place,
    position,
    reads: described.access.reads,
    writes: described.access.writes,
    cacheStatus: described.access.status,
    identity: {
      callId,
      directory: env.callDirectory(callId),
      prompt: described.prompt,
      promptSha256: sha256.hex(described.prompt),
      label: described.options.label ?? null,
      phase,
      provider: described.provider.name,
      model: described.model,
      agentType: described.options.agentType ?? null,
      isolation: described.isolation,
      cacheKey: described.callKey,
      schemaHash: described.answer?.hash ?? null
    }
  }
}

/** C1; undefined when the journal has no answer, or one that no longer reads as what the schema says. */
const replay = <A>(env: CallEnv, call: Identified<A>, changed?: CallResult.Changed): Done<A | string> | undefined => {
  const recorded = call.place.recorded
  if (recorded === undefined || recorded.status !== "done" || recorded.partial) return undefined
  if (call.described.mutating && changed === undefined) return undefined
  const result = restore(call, recorded, "replayed", changed)
  if (result === undefined) return undefined
  env.replayed(recorded.index)
  env.observer?.({ _tag: "Ended", callId: result.callId, result, at: env.now() })
  return result
}

/** A call that failed for good in an earlier attempt fails again, for the value that is declared where it is made. */
const failedBefore = <A>(env: CallEnv, call: Identified<A>): Result<A> =>
  Effect.flatMap(orAbort(env, env.store.call(call.identity.callId)), (found) => {
    const row = Option.getOrUndefined(found)
    const recorded = call.place.recorded
    const timeoutMs = Duration.toMillis(call.described.timeout)
    const error = row === undefined || recorded === undefined ? undefined : Fallback.recordedError(
      { errorKind: row.errorKind, attempts: row.attempts, timeoutMs },
      (status) => {
        const { cost, durationMs, usage } = recorded
        return CallResult.failed(call.identity, "replayed", status, row.error ?? status, {
          expense: { usage, cost, durationMs }
        })
      }
    )
    if (error === undefined || recorded === undefined) return prepared(env, call)
    env.replayed(recorded.index)
    env.observer?.({ _tag: "Ended", callId: error.result.callId, result: error.result, at: env.now() })
    return Effect.fail(error)
  })

const prepared = <A>(env: CallEnv, identified: Identified<A>): Result<A> =>
  Effect.gen(function*() {
    const call = yield* Readable.fingerprinted(env, yield* loaded(env, identified))
    const replayed = replay(env, call, call.described.mutating ? yield* Recall.standing(env, call) : undefined)
    return replayed ?? (yield* live(env, call))
  })

/** C2, else a provider's answer. */
const live = <A>(env: CallEnv, call: Identified<A>): Result<A> => {
  if (!call.reads) return Attempts.make(env, call)
  return Effect.flatMap(
    orAbort(env, env.store.lookup(call.identity.cacheKey, call.place.ordinal)),
    (found) =>
      Option.isNone(found)
        ? Attempts.make(env, call)
        : Effect.flatMap(
          share(env, call, found.value),
          (hit) => hit === undefined ? Attempts.make(env, call) : Effect.succeed(hit)
        )
  )
}

/** A store that cannot be read ends the run like one that cannot be written. */
const orAbort = <A>(env: CallEnv, read: Effect.Effect<A, StoreError>): Effect.Effect<A> =>
  Effect.catchAll(read, env.abort)

/** The journal leaves large outputs out; this fetches the one that is needed. */
const loaded = <A>(env: CallEnv, call: Identified<A>): Effect.Effect<Identified<A>> => {
  const recorded = call.place.recorded
  if (recorded === undefined || !recorded.partial || recorded.status !== "done") return Effect.succeed(call)
  return Effect.map(orAbort(env, env.store.output(recorded.callId)), ({ json, text }) => ({
    ...call,
    place: { ...call.place, recorded: { ...recorded, outputText: text, outputJson: json, partial: false } }
  }))
}

/** C2; undefined when the stored answer does not read as what the schema says, which makes it a miss. */
const share = <A>(
  env: CallEnv,
  call: Identified<A>,
  found: Settled
): Effect.Effect<Done<A | string> | undefined> => {
  const result = restore(call, found, "hit")
  if (result === undefined) return Effect.succeed(undefined)
  return Effect.gen(function*() {
    const at = env.now()
    yield* Effect.catchAll(
      env.store.record(env.ownership, CallEnvRow.row(env, call, "hit", at), {
        runId: env.run.id,
        index: call.place.index,
        status: "done",
        outputText: found.outputText,
        outputJson: found.outputJson,
        validationErrorsJson: null,
        errorKind: null,
        error: null,
        attempts: 0,
        usage: CallResult.free.usage,
        cost: CallResult.free.cost,
        durationMs: 0,
        artifacts: CallResult.artifacts(call.identity, { text: found.outputText, json: found.outputJson }, null, null),
        cacheEntry: null,
        at
      }, found.callId),
      env.abort
    )
    env.observer?.({ _tag: "Ended", callId: result.callId, result, at })
    env.observer?.({
      _tag: "Saved",
      callId: call.identity.callId,
      usage: found.usage,
      costUsd: Observer.usdOf(found.cost)
    })
    return result
  })
}

const restore = <A>(
  call: Identified<A>,
  settled: Settled,
  status: CacheStatus,
  changed?: CallResult.Changed
): Done<A | string> | undefined => {
  const output: CallResult.Output = { text: settled.outputText, json: settled.outputJson }
  const value = valueOf(call, output)
  if (Option.isNone(value)) return undefined
  const expense: CallResult.Expense = status === "hit"
    ? CallResult.free
    : { usage: settled.usage, cost: settled.cost, durationMs: settled.durationMs }
  const files = CallResult.artifacts(call.identity, output, null, null, changed?.patch)
  return CallResult.done(
    call.identity,
    status,
    output,
    value.value,
    files,
    call.described.answer === undefined ? 0 : 1,
    expense,
    changed
  )
}

const valueOf = <A>(call: Identified<A>, output: CallResult.Output): Option.Option<A | string> => {
  const schema = call.described.answer
  if (schema === undefined) return Option.fromNullable(output.text)
  return Option.flatMap(
    Option.flatMap(Option.fromNullable(output.json), parse),
    (json) => Option.getRight(schema.decode(json))
  )
}

const parse = Schema.decodeUnknownOption(Schema.parseJson())

/** C3 for a call whose options are wrong. */
const refuse = (
  env: CallEnv,
  prompt: unknown,
  options: CallOptions<unknown>,
  phase: string | null,
  position: string,
  problem: Problem
): Effect.Effect<never, AgentError.AgentError> =>
  Effect.gen(function*() {
    const error = `agent(): option ${problem.option}: ${problem.detail}`
    const text = String(prompt)
    const callKey = CallKey.make(`"${problem.option}"`, text)
    const place = env.replay.take(callKey, position)
    const callId = Ids.callId(env.run.id, place.index)
    const identity: CallResult.Identity = {
      callId,
      directory: env.callDirectory(callId),
      prompt: text,
      promptSha256: sha256.hex(text),
      label: options.label === undefined ? null : String(options.label),
      phase: phase === null ? null : String(phase),
      provider: String(options.provider ?? env.defaults.provider),
      model: String(options.model ?? env.defaults.model ?? ""),
      agentType: null,
      isolation: "none",
      cacheKey: callKey,
      schemaHash: null
    }
    const at = env.now()
    const row: NewCall = {
      runId: env.run.id,
      index: place.index,
      replaces: place.recorded !== undefined,
      callKey,
      cacheKey: callKey,
      ordinal: place.ordinal,
      position,
      label: identity.label,
      phase: identity.phase,
      prompt: text,
      promptSha256: identity.promptSha256,
      optsJson: "{}",
      settingsJson: null,
      provider: identity.provider,
      model: identity.model,
      agentType: null,
      isolation: "none",
      cacheStatus: "bypassed",
      cachePolicy: env.defaults.cachePolicy,
      schemaHash: null,
      runAttempt: env.run.attempt,
      at
    }
    yield* Settle.refuse(env, identity, row, "failed", "InvalidCall", error)
    const result = CallResult.failed(identity, "bypassed", "failed", error, {})
    return yield* new InvalidCall({ option: problem.option, result })
  })
