/**
 * What every provider has to do, as cases for the author of one to run with any test framework.
 *
 * - T1. A case succeeds when the provider keeps its promise, and fails with a `Violation` that says what it did instead.
 * - T2. A case builds its provider anew, releases it, and needs nothing: `Effect.runPromise(check)` is the whole test.
 * - T3. Time is real time; a case takes as long as its requests, and no case waits longer than the time it is given.
 *
 * The provider under test must answer any prompt; with a schema, by a value that fits it. What is promised about requests
 * that hang or fail can only be looked at where the author says how to have one.
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as AnswerSchema from "../domain/AnswerSchema.ts"
import * as Usage from "../domain/Usage.ts"
import * as JsonText from "../internal/jsonText.ts"
import type { Answer, Listener, Provider, Request } from "../provider/Provider.ts"
import { bareRequest, ProviderError } from "../provider/Provider.ts"

/**
 * A promise that was not kept.
 * @category errors
 * @since 0.1.0
 */
export class Violation extends Schema.TaggedError<Violation>("owf/testing/ProviderContract/Violation")("Violation", {
  /** What the provider did instead, in a sentence. */
  detail: Schema.String
}) {
  override get message(): string {
    return this.detail
  }
}

/**
 * One promise, and the effect that looks whether it is kept.
 * @category models
 * @since 0.1.0
 */
export interface Case {
  readonly name: string
  readonly check: Effect.Effect<void, Violation>
}

/**
 * What is to be looked at.
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** The provider, built for every case and released after it. */
  readonly provider: Building
  /** The provider in front of something that never answers; adds the cases of interruption and deadline. */
  readonly hanging?: Building | undefined
  /** The provider in front of something that refuses every request; adds the cases of errors. */
  readonly failing?: Building | undefined
  /** How many requests have been sent so far, to anything; adds the cases of `ask` sending at most one. */
  readonly sent?: Effect.Effect<number> | undefined
  /** How many requests are being served; adds to interruption that nothing of a request is left. */
  readonly underWay?: Effect.Effect<number> | undefined
  /** The key the provider was given: found in an answer, an event or an error, it is a violation. */
  readonly canary?: string | undefined
  /** Most time an interruption may take. Defaults to 5 seconds. */
  readonly patience?: Duration.DurationInput | undefined
}

/**
 * A provider that can be built and released.
 * @category models
 * @since 0.1.0
 */
export type Building = Effect.Effect<Provider, unknown, Scope.Scope>

/**
 * A request with everything left out that can be.
 * @category constructors
 * @since 0.1.0
 */
export const request = (fields: Partial<Request> = {}): Request => ({
  callId: "call-1",
  ...bareRequest,
  prompt: "Say something.",
  model: "",
  timeout: Duration.seconds(30),
  ...fields
})

/**
 * A listener that keeps nothing.
 * @category constructors
 * @since 0.1.0
 */
export const listener: Listener = { session: () => Effect.void, usage: () => Effect.void }

/**
 * The contract of a provider, as far as the options let it be looked at.
 * @category constructors
 * @since 0.1.0
 */
export const cases = (options: Options): ReadonlyArray<Case> => [
  ...always(options),
  ...(options.sent === undefined ? [] : counted(options, options.sent)),
  ...(options.hanging === undefined ? [] : interrupted(options, options.hanging)),
  ...(options.failing === undefined ? [] : failed(options, options.failing))
]

// -----------------------------------------------------------------------------
// cases
// -----------------------------------------------------------------------------

const always = (options: Options): ReadonlyArray<Case> => {
  const test = casesOf(options.provider)
  return [
    test("has a lower-case name and a model to ask by default", (provider) =>
      Effect.gen(function*() {
        const model = provider.resolveModel(undefined)
        yield* expect(/^[a-z0-9_-]+$/.test(provider.name), `its name is '${provider.name}'`)
        yield* expect(model !== "", "it has no model for calls that name none")
        yield* expect(provider.resolveModel(model) === model, `it makes another model of its own default, ${model}`)
        yield* expect(provider.resolveModel("some-model") === "some-model", "it does not take the model a call names")
      })),
    test("has capabilities that agree with each other", ({ capabilities }) => consistent(capabilities)),
    test("answers with a text, whole counts and a cost that is never negative", (provider) =>
      Effect.gen(function*() {
        const answer = yield* asked(provider)
        yield* expect(answer.text !== "" && answer.raw !== "", "its answer has no text, or nothing it was read from")
        if (answer.usage !== undefined) yield* expect(isUsage(answer.usage), `its usage is ${shown(answer.usage)}`)
        if (answer.cost === undefined) return
        const { amount, source } = answer.cost
        yield* expect(Number.isSafeInteger(amount) && amount >= 0, `its cost is ${amount} billionths of a dollar`)
        yield* expect(source !== "", "it does not say who priced its answer")
        yield* expect(provider.capabilities.cost !== "unknown", "it prices an answer although nobody knows its prices")
      })),
    test("answers with a value that fits the schema, when it takes one", (provider) =>
      Effect.gen(function*() {
        if (provider.capabilities.schema === "none") return
        const schema = yield* Effect.orDie(AnswerSchema.make(Label))
        const answer = yield* asked(provider, { schema: schema.json })
        const value = answer.structured ?? (yield* extracted(answer))
        yield* expect(Either.isRight(schema.decode(value)), `its answer does not fit: ${clip(answer.text)}`)
      })),
    test("keeps to the bound on its output, when it says that it does", (provider) =>
      Effect.gen(function*() {
        if (!provider.capabilities.boundsOutput) return
        const exit = yield* Effect.either(ask(provider, { maxOutputTokens: bound }))
        // an answer that was cut off is an error, which keeps the bound too
        const used = Either.isRight(exit) ? exit.right.usage : exit.left.usage
        yield* expect((used?.outputTokens ?? 0) <= bound, `it used ${used?.outputTokens} tokens of ${bound}`)
      })),
    test("estimates whole tokens that cover the input it reports", (provider) =>
      Effect.gen(function*() {
        const fields = { model: provider.resolveModel(undefined), prompt: "Count these words. Ünïcödé, too: 数える." }
        const { cost, inputTokens, outputTokens } = provider.estimate(request(fields))
        const { usage = Usage.zero } = yield* asked(provider, fields)
        yield* expect(
          Number.isSafeInteger(inputTokens) && Number.isSafeInteger(outputTokens) && outputTokens >= 0,
          `it estimates ${inputTokens} and ${outputTokens} tokens`
        )
        const read = usage.inputTokens + usage.cacheReadTokens + usage.cacheWriteTokens
        yield* expect(inputTokens >= read, `it estimates ${inputTokens} tokens of input and reports ${read}`)
        const amount = cost(inputTokens, outputTokens)
        yield* expect(
          amount === undefined || (Number.isSafeInteger(amount) && amount >= 0),
          `it estimates a cost of ${amount} billionths of a dollar`
        )
      })),
    test("serves requests at the same time, each with its own answer", (provider) =>
      Effect.gen(function*() {
        const calls = Array.from({ length: 8 }, (_, index) => asked(provider, { callId: `call-${index}` }))
        const answers = yield* Effect.all(calls, { concurrency: "unbounded" })
        yield* expect(new Set(answers).size === 8, "it gave the same answer object to several requests")
      })),
    test("reports whole counts that never go back, and a session it can continue", (provider) =>
      Effect.gen(function*() {
        const heard = hearing()
        const answer = yield* asked(provider, {}, heard.listener)
        yield* expect(heard.usage.every(isUsage), `it reported ${shown(heard.usage)}`)
        const totals = heard.usage.map(Usage.total)
        yield* expect(totals.every((sum, index) => sum >= (totals[index - 1] ?? 0)), `it reported ${totals.join(", ")}`)
        yield* expect(!heard.sessions.includes(""), "it named a session without an id")
        const id = answer.session ?? heard.sessions.at(-1)
        if (!provider.capabilities.sessions) return
        if (id === undefined) return yield* new Violation({ detail: "it says that it has sessions and names none" })
        yield* asked(provider, { session: { id, used: answer.usage ?? Usage.zero, cost: answer.cost?.amount } })
      })),
    test("can be interrupted at any time", (provider) =>
      Effect.gen(function*() {
        const fiber = yield* Effect.fork(ask(provider))
        yield* stops(fiber, options)
      })),
    ...(options.canary === undefined ? [] : [answersWithoutKey(options, options.canary)])
  ]
}

const counted = (options: Options, sent: Effect.Effect<number>): ReadonlyArray<Case> => {
  const sendsOne = (provider: Provider) =>
    Effect.gen(function*() {
      const before = yield* sent
      yield* Effect.exit(ask(provider))
      const requests = (yield* sent) - before
      yield* expect(requests <= 1, `it sent ${requests} requests for one`)
    })
  return [
    casesOf(options.provider)("sends at most one request for one answer", sendsOne),
    ...(options.failing === undefined
      ? []
      : [
        casesOf(options.failing)(
          "sends at most one request for one that is refused: retries are the engine's",
          sendsOne
        )
      ])
  ]
}

const interrupted = (options: Options, hanging: Building): ReadonlyArray<Case> => {
  const test = casesOf(hanging)
  return [
    test("ends a request that hangs when it is interrupted, and everything started for it", (provider) =>
      Effect.gen(function*() {
        const fiber = yield* Effect.fork(ask(provider))
        yield* begun(options)
        yield* stops(fiber, options)
        yield* gone(options)
      })),
    test("can be ended at a deadline, or ends by itself then", (provider) =>
      Effect.gen(function*() {
        const timeout = Duration.millis(500)
        const fiber = yield* Effect.fork(ask(provider, { timeout }))
        yield* Effect.raceFirst(Fiber.await(fiber), Effect.sleep(timeout))
        yield* stops(fiber, options)
        const exit = yield* Fiber.await(fiber)
        yield* expect(Exit.isFailure(exit), "it answered although nothing answered it")
        yield* gone(options)
      })),
    test("serves other requests after one that was given up", (provider) =>
      Effect.gen(function*() {
        const fibers = yield* Effect.forEach([1, 2], () => Effect.fork(ask(provider)))
        yield* begun(options)
        for (const fiber of fibers) yield* stops(fiber, options)
        const again = yield* Effect.fork(ask(provider))
        yield* begun(options)
        yield* stops(again, options)
      }))
  ]
}

const failed = (options: Options, failing: Building): ReadonlyArray<Case> => {
  const test = casesOf(failing)
  return [
    test("fails with an error of its own that says what happened", (provider) =>
      Effect.gen(function*() {
        const error = yield* refusal(provider)
        yield* expect(error.provider === provider.name, `its error is of provider '${error.provider}'`)
        yield* expect(error.detail.trim() !== "", "its error has no detail")
        yield* expect(
          error.retryAfterMs === undefined || (Number.isFinite(error.retryAfterMs) && error.retryAfterMs >= 0),
          `its error asks to wait ${error.retryAfterMs} ms`
        )
      })),
    ...(options.canary === undefined ? [] : [errorsWithoutKey(failing, options.canary)])
  ]
}

const answersWithoutKey = ({ provider }: Options, canary: string): Case =>
  casesOf(provider)("has no key in its answers, events and estimates", (provider) =>
    Effect.gen(function*() {
      const heard = hearing()
      const answer = yield* asked(provider, {}, heard.listener)
      const told = [answer, heard.sessions, heard.usage, provider.capabilities, provider.name]
      yield* expect(!holds(told, canary), "a key is in what it answered")
    }))

const errorsWithoutKey = (failing: Building, canary: string): Case =>
  casesOf(failing)("has no key in its errors, their messages, causes and stacks", (provider) =>
    Effect.gen(function*() {
      const exit = yield* Effect.exit(ask(provider))
      if (Exit.isSuccess(exit)) return yield* new Violation({ detail: "it answered where every request is refused" })
      yield* expect(!Cause.pretty(exit.cause).includes(canary), "a key is in the text of its error")
      yield* expect(!holds(Cause.squash(exit.cause), canary), "a key is in a field of its error")
    }))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const Label = Schema.Struct({ label: Schema.Literal("bug", "feature"), why: Schema.String })

const bound = 256

const isUsage = Schema.is(Schema.typeSchema(Usage.Usage))

const expect = (kept: boolean, detail: string): Effect.Effect<void, Violation> =>
  kept ? Effect.void : Effect.fail(new Violation({ detail }))

/** A case on a provider that is built for it; whatever else goes wrong is a violation too. */
const casesOf =
  (building: Building) =>
  (name: string, body: (provider: Provider) => Effect.Effect<void, Violation, Scope.Scope>): Case => ({
    name,
    check: building.pipe(
      Effect.mapError((error) => new Violation({ detail: `it could not be built: ${shown(error)}` })),
      Effect.flatMap(body),
      Effect.scoped,
      Effect.catchAllDefect((defect) => Effect.fail(new Violation({ detail: `it broke off: ${shown(defect)}` })))
    )
  })

const ask = (
  provider: Provider,
  fields: Partial<Request> = {},
  to: Listener = listener
): Effect.Effect<Answer, ProviderError> =>
  provider.ask(request({ model: provider.resolveModel(undefined), ...fields }), to)

/** A request that has to be answered. */
const asked = (
  provider: Provider,
  fields: Partial<Request> = {},
  to: Listener = listener
): Effect.Effect<Answer, Violation> =>
  Effect.mapError(
    ask(provider, fields, to),
    (error) => new Violation({ detail: `it did not answer: ${error.reason}, ${clip(error.detail)}` })
  )

/** The error of a request that has to be refused, and not by a defect. */
const refusal = (provider: Provider): Effect.Effect<ProviderError, Violation> =>
  Effect.flatMap(Effect.exit(ask(provider)), (exit) => {
    if (Exit.isSuccess(exit)) return new Violation({ detail: "it answered where every request is refused" })
    const error = Option.getOrUndefined(Cause.failureOption(exit.cause))
    return error instanceof ProviderError
      ? Effect.succeed(error)
      : new Violation({
        detail: `it failed with something that is no ProviderError: ${shown(Cause.squash(exit.cause))}`
      })
  })

const extracted = (answer: Answer): Effect.Effect<unknown, Violation> =>
  Effect.mapBoth(JsonText.extract(answer.text), {
    onFailure: () => new Violation({ detail: `its answer holds no JSON: ${clip(answer.text)}` }),
    onSuccess: ({ value }) => value
  })

const hearing = () => {
  const usage: Array<Usage.Usage> = []
  const sessions: Array<string> = []
  const listener: Listener = {
    session: (id) => Effect.sync(() => void sessions.push(id)),
    usage: (counts) => Effect.sync(() => void usage.push(counts))
  }
  return { usage, sessions, listener }
}

const consistent = (own: Provider["capabilities"]): Effect.Effect<void, Violation> => {
  const isCount = (count: number | undefined) => count === undefined || (Number.isSafeInteger(count) && count > 0)
  const isPositive = (limit: number | undefined) => limit === undefined || (Number.isFinite(limit) && limit > 0)
  const { concurrency, limits, maxPromptBytes, readOnly } = own
  return Effect.all([
    expect(isCount(concurrency), `it serves ${concurrency} requests at the same time`),
    expect(isCount(maxPromptBytes), `it takes prompts of ${maxPromptBytes} bytes`),
    expect(
      isPositive(limits?.requestsPerMinute) && isPositive(limits?.tokensPerMinute),
      `its limits per minute are ${shown(limits)}`
    ),
    expect(
      readOnly === "none" || own.readsFiles || own.writesFiles,
      "it keeps an agent from writing that can neither read nor write"
    )
  ], { discard: true })
}

/** Waits until a request is on its way, as far as that can be seen from outside. */
const begun = ({ underWay }: Options): Effect.Effect<void> =>
  underWay === undefined ? Effect.sleep("100 millis") : until(Effect.map(underWay, (count) => count > 0), 5_000)

const patienceOf = ({ patience = "5 seconds" }: Options): number => Duration.toMillis(patience)

/** Interrupts a request and waits for its end. */
const stops = (fiber: Fiber.RuntimeFiber<Answer, ProviderError>, options: Options): Effect.Effect<void, Violation> =>
  Effect.gen(function*() {
    const patience = patienceOf(options)
    const stopped = yield* Effect.timeoutOption(Effect.disconnect(Fiber.interrupt(fiber)), patience)
    if (Option.isNone(stopped)) {
      return yield* new Violation({ detail: `a request went on for ${patience} ms after it was interrupted` })
    }
    const defect = Exit.isFailure(stopped.value) ? Cause.dieOption(stopped.value.cause) : Option.none()
    yield* expect(
      Option.isNone(defect),
      `it broke off when it was interrupted: ${shown(Option.getOrUndefined(defect))}`
    )
  })

/** Nothing of an interrupted request is left; a server may need a moment to notice. */
const gone = (options: Options): Effect.Effect<void, Violation> =>
  Effect.gen(function*() {
    const { underWay } = options
    if (underWay === undefined) return
    yield* until(Effect.map(underWay, (count) => count === 0), patienceOf(options))
    const left = yield* underWay
    yield* expect(left === 0, `${left} requests are still being served after they were interrupted`)
  })

/** Waits for a condition, at most so many milliseconds. */
const until = (condition: Effect.Effect<boolean>, atMost: number): Effect.Effect<void> =>
  Effect.gen(function*() {
    const end = (yield* Clock.currentTimeMillis) + atMost
    while (!(yield* condition) && (yield* Clock.currentTimeMillis) < end) yield* Effect.sleep("10 millis")
  })

/** Whether a text is anywhere in a value: its fields, the hidden ones of errors too, and their texts. */
const holds = (value: unknown, text: string, seen: Set<unknown> = new Set()): boolean => {
  if (typeof value === "string") return value.includes(text)
  if (!Predicate.isObject(value) || seen.has(value)) return false
  seen.add(value)
  if (Predicate.isIterable(value)) {
    // headers and maps keep what they hold out of their fields
    for (const item of value) if (holds(item, text, seen)) return true
  }
  return Reflect.ownKeys(value).some((key) =>
    (typeof key === "string" && key.includes(text)) || holds(Reflect.get(value, key), text, seen)
  )
}

const clip = (text: string): string => text.length > 200 ? `${text.slice(0, 200)}…` : text

const shown = (value: unknown): string =>
  clip(value instanceof Error ? `${value.name}: ${value.message}` : JSON.stringify(value) ?? String(value))
