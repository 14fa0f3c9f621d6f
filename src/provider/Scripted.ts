/**
 * A provider that answers from a script, for tests of workflows.
 *
 * - S1. Every request is recorded, in order, before it is answered.
 * - S2. Delays pass on the `Clock`, so `TestClock` drives them.
 * - S3. A request no part of the script answers is a defect that shows the prompt, never an answer.
 * - S4. The estimate of a request is what its reply will report, when the script knows the reply beforehand: then a
 *   budget holds exactly. A function's replies are not known beforehand.
 *
 * The n-th request gets the n-th reply of a sequence; with requests at the same time, say what is meant with `when`.
 */
import * as Chunk from "effect/Chunk"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Ref from "effect/Ref"
import type { ProviderReason } from "../domain/AgentError.ts"
import * as Money from "../domain/Money.ts"
import * as Usage from "../domain/Usage.ts"
import type { Answer, Capabilities, Cost, Estimate, Listener, Provider, Request } from "./Provider.ts"
import { capabilities, ProviderError } from "./Provider.ts"

/**
 * What is common to replies.
 * @category models
 * @since 0.1.0
 */
export interface ReplyOptions {
  /** Tokens the reply reports. Defaults to none. */
  readonly usage?: Partial<Usage.Usage> | undefined
  /** Dollars the reply reports, null for a price that is not known. Defaults to 0. */
  readonly cost?: number | null | undefined
  /** Time until the reply arrives. Defaults to none. */
  readonly delay?: Duration.DurationInput | undefined
  /** Session the request runs in, told before the delay. */
  readonly session?: string | undefined
  /** What the provider sent. Defaults to the text of an answer and to nothing for a failure. */
  readonly raw?: string | undefined
}

/**
 * Facts of an answer besides its text.
 * @category models
 * @since 0.1.0
 */
export interface AnswerOptions extends ReplyOptions {
  /** The model that answers. Defaults to the one that was asked for. */
  readonly model?: string | undefined
}

/**
 * Facts of a failure besides its reason.
 * @category models
 * @since 0.1.0
 */
export interface FailOptions extends ReplyOptions {
  readonly detail?: string | undefined
  /** Least time to wait before asking again. */
  readonly retryAfter?: Duration.DurationInput | undefined
}

/**
 * What one request is answered with.
 * @category models
 * @since 0.1.0
 */
export type Reply =
  | { readonly _tag: "Answer"; readonly text: string; readonly structured: unknown; readonly options: AnswerOptions }
  | { readonly _tag: "Fail"; readonly reason: ProviderReason; readonly options: FailOptions }
  | { readonly _tag: "Never" }
  | { readonly _tag: "Dies" }

/**
 * Replies to requests that meet a condition.
 * @category models
 * @since 0.1.0
 */
export interface Rule {
  readonly _tag: "Rule"
  readonly matches: (request: AnyRequest) => boolean
  readonly reply: Script
}

/**
 * Replies given one after the other.
 * @category models
 * @since 0.1.0
 */
export interface Sequence {
  readonly _tag: "Sequence"
  readonly items: ReadonlyArray<Script>
}

/**
 * A function that answers; it may return any part of a script, or an Effect of one.
 * @category models
 * @since 0.1.0
 */
export type Responder = (request: Request) => Script | Effect.Effect<Script>

/**
 * Everything a request can be answered from; in a list, the first part that applies.
 * @category models
 * @since 0.1.0
 */
export type Script = Reply | Rule | Sequence | Responder | ReadonlyArray<Script>

/**
 * What can be said of a scripted provider.
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** Defaults to `scripted`. */
  readonly name?: string | undefined
  /** Model of calls that name none. Defaults to the provider's name. */
  readonly model?: string | undefined
  /** Defaults to a provider that can do everything, without a limit of its own. */
  readonly capabilities?: Partial<Capabilities> | undefined
  /** Estimate of requests whose reply is not known beforehand. Defaults to no tokens and no cost. */
  readonly estimate?: Partial<Estimate> | undefined
}

/**
 * A provider that answers from a script and keeps the requests it got.
 * @category models
 * @since 0.1.0
 */
export interface Scripted extends Provider {
  /** The requests so far, in the order in which they came. */
  readonly requests: Effect.Effect<ReadonlyArray<Request>>
}

/**
 * Answers with a text.
 * @category constructors
 * @since 0.1.0
 */
export const answer = (text: string, options: AnswerOptions = {}): Reply => ({
  _tag: "Answer",
  text,
  structured: undefined,
  options
})

/**
 * Answers with a JSON value, as text and as the structured answer.
 * @category constructors
 * @since 0.1.0
 */
export const value = (json: unknown, options: AnswerOptions = {}): Reply => ({
  _tag: "Answer",
  text: JSON.stringify(json) ?? "null",
  structured: json,
  options
})

/**
 * Fails with a reason.
 * @category constructors
 * @since 0.1.0
 */
export const fail = (reason: ProviderReason, options: FailOptions = {}): Reply => ({ _tag: "Fail", reason, options })

/**
 * Does not answer until it is interrupted.
 * @category constructors
 * @since 0.1.0
 */
export const never: Reply = { _tag: "Never" }

/**
 * Ends with a defect, as a provider with a bug does.
 * @category constructors
 * @since 0.1.0
 */
export const dies: Reply = { _tag: "Dies" }

/**
 * Answers the first request from the first item, the next from the next; when all are used up it does not apply.
 * @category constructors
 * @since 0.1.0
 */
export const sequence = (items: ReadonlyArray<Script>): Sequence => ({ _tag: "Sequence", items })

/**
 * Applies to requests whose prompt contains a text, matches a pattern, or for which a function says so.
 * @category constructors
 * @since 0.1.0
 */
export const when = (condition: string | RegExp | ((request: AnyRequest) => boolean), reply: Script): Rule => ({
  _tag: "Rule",
  matches: typeof condition === "function"
    ? condition
    : typeof condition === "string"
    ? ({ prompt }) => prompt.includes(condition)
    // `search` ignores the position a pattern with the flag g keeps
    : ({ prompt }) => prompt.search(condition) >= 0,
  reply
})

/**
 * A provider that answers from a script.
 *
 * ```ts
 * import * as Scripted from "open-agent-workflows/provider/Scripted"
 *
 * export const provider = Scripted.make([
 *   Scripted.when("review", Scripted.sequence([Scripted.fail("RateLimited"), Scripted.answer("fine")])),
 *   Scripted.value({ label: "bug" }, { usage: { inputTokens: 10, outputTokens: 2 } })
 * ])
 * ```
 * @category constructors
 * @since 0.1.0
 */
export const make = (script: Script, options: Options = {}): Scripted => {
  const name = options.name ?? "scripted"
  const requests = Ref.unsafeMake(Chunk.empty<Request>())
  const positions: Positions = new Map()
  const fallback: Estimate = { ...noEstimate, ...options.estimate }
  return {
    name,
    capabilities: { ...anything, ...options.capabilities },
    resolveModel: (requested) => requested === undefined || requested === "" ? options.model ?? name : requested,
    estimate: (request) => {
      const reply = peek(script, request, positions)
      return reply === undefined ? fallback : estimateOf(reply)
    },
    ask: (request, listener) =>
      Ref.update(requests, Chunk.append(request)).pipe(
        Effect.zipRight(Effect.suspend(() => take(script, request, positions))),
        Effect.flatMap(Option.match({
          onNone: () =>
            Effect.dieMessage(`Scripted.make: the script has no reply to '${request.prompt.slice(0, 200)}'`),
          onSome: (reply) => give(name, reply, request, listener)
        }))
      ),
    requests: Effect.map(Ref.get(requests), Chunk.toReadonlyArray)
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type AnyRequest = Omit<Request, "timeout">

/** How many items of a sequence were used. */
type Positions = Map<Sequence, number>

const anything: Capabilities = capabilities({
  schema: "native",
  // a script reads nothing; one that stands for an agent with files says so, and its calls are then keyed by the repository
  readsFiles: false,
  writesFiles: true,
  temperature: true,
  cost: "reported"
})

const noEstimate: Estimate = { inputTokens: 0, outputTokens: 0, cost: () => Money.zero }

const isList = (script: Script): script is ReadonlyArray<Script> => Array.isArray(script)

const take = (script: Script, request: Request, positions: Positions): Effect.Effect<Option.Option<Reply>> => {
  if (isList(script)) return takeFirst(script, request, positions)
  if (typeof script === "function") {
    const answered = script(request)
    return Effect.isEffect(answered)
      ? Effect.flatMap(answered, (part) => take(part, request, positions))
      : take(answered, request, positions)
  }
  switch (script._tag) {
    case "Rule":
      return script.matches(request) ? take(script.reply, request, positions) : Effect.succeedNone
    case "Sequence": {
      const position = positions.get(script) ?? 0
      const item = script.items[position]
      if (item === undefined) return Effect.succeedNone
      positions.set(script, position + 1)
      return take(item, request, positions)
    }
    case "Answer":
    case "Fail":
    case "Never":
    case "Dies":
      return Effect.succeedSome(script)
  }
}

const takeFirst = Effect.fnUntraced(
  function*(parts: ReadonlyArray<Script>, request: Request, positions: Positions) {
    for (const part of parts) {
      const reply = yield* take(part, request, positions)
      if (Option.isSome(reply)) return reply
    }
    return Option.none<Reply>()
  }
)

/** The reply `take` would give, without giving it; undefined when that is not known. */
const peek = (script: Script, request: AnyRequest, positions: Positions): Reply | undefined => {
  const found = find(script, request, positions)
  return found === "unknown" || found === "none" ? undefined : found
}

const find = (script: Script, request: AnyRequest, positions: Positions): Reply | "none" | "unknown" => {
  if (isList(script)) {
    for (const part of script) {
      const found = find(part, request, positions)
      if (found !== "none") return found
    }
    return "none"
  }
  if (typeof script === "function") return "unknown"
  switch (script._tag) {
    case "Rule":
      return script.matches(request) ? find(script.reply, request, positions) : "none"
    case "Sequence": {
      const item = script.items[positions.get(script) ?? 0]
      return item === undefined ? "none" : find(item, request, positions)
    }
    case "Answer":
    case "Fail":
    case "Never":
    case "Dies":
      return script
  }
}

const estimateOf = (reply: Reply): Estimate => {
  if (reply._tag === "Never" || reply._tag === "Dies") return noEstimate
  const { inputTokens, outputTokens, cacheReadTokens, cacheWriteTokens } = Usage.make(reply.options.usage ?? {})
  const cost = costOf(reply.options)?.amount
  return { inputTokens: inputTokens + cacheReadTokens + cacheWriteTokens, outputTokens, cost: () => cost }
}

const costOf = ({ cost = 0 }: ReplyOptions): Cost | undefined =>
  cost === null ? undefined : { amount: Money.fromUsd(cost), source: "scripted" }

const give = (
  name: string,
  reply: Reply,
  request: Request,
  listener: Listener
): Effect.Effect<Answer, ProviderError> => {
  switch (reply._tag) {
    case "Never":
      return Effect.never
    case "Dies":
      return Effect.dieMessage(`Scripted.dies: defect of '${name}'`)
    case "Answer":
      return Effect.as(arrive(reply.options, listener), answerOf(reply, request))
    case "Fail":
      return Effect.zipRight(arrive(reply.options, listener), Effect.fail(errorOf(name, reply)))
  }
}

const arrive = ({ delay, session }: ReplyOptions, listener: Listener): Effect.Effect<void> =>
  Effect.zipRight(
    session === undefined ? Effect.void : listener.session(session),
    delay === undefined ? Effect.void : Effect.sleep(delay)
  )

const answerOf = ({ options, structured, text }: Extract<Reply, { _tag: "Answer" }>, request: Request): Answer => ({
  text,
  structured,
  raw: options.raw ?? text,
  usage: Usage.make(options.usage ?? {}),
  cost: costOf(options),
  model: options.model ?? request.model,
  session: options.session
})

const errorOf = (name: string, { options, reason }: Extract<Reply, { _tag: "Fail" }>): ProviderError => {
  const cost = costOf(options)
  return new ProviderError({
    provider: name,
    reason,
    detail: options.detail ?? `scripted failure ${reason}`,
    ...(options.retryAfter === undefined ? {} : { retryAfterMs: Duration.toMillis(options.retryAfter) }),
    ...(options.raw === undefined ? {} : { raw: options.raw }),
    ...(options.usage === undefined ? {} : { usage: Usage.make(options.usage) }),
    ...(cost === undefined ? {} : { cost }),
    ...(options.session === undefined ? {} : { session: options.session })
  })
}
