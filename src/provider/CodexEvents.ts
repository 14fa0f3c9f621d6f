/**
 * The events that `codex exec --json` prints, one JSON object in a line.
 *
 * - E1. A turn that is completed, or failed, is a result; nothing else is. Errors on the way are not: codex reconnects
 *   after them.
 * - E2. Of the agent's messages, the last one of the completed turn is the answer.
 * - E3. Tokens are counted over the whole thread; cached ones are part of the input.
 * - E4. What is no event, or one of another kind, is passed over.
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Usage from "../domain/Usage.ts"

/**
 * What the events told up to now.
 * @category models
 * @since 0.1.0
 */
export interface Transcript {
  readonly thread: string | undefined
  /** The last message of the agent. */
  readonly message: string | undefined
  /** Tokens of the thread, earlier requests included. */
  readonly total: Usage.Usage | undefined
  /** The last error that was not the turn's end, other than that of a connection which is being made again. */
  readonly error: string | undefined
  readonly turn:
    | { readonly _tag: "Open" }
    | { readonly _tag: "Completed" }
    | { readonly _tag: "Failed"; readonly message: string }
}

/**
 * Nothing was told.
 * @category constructors
 * @since 0.1.0
 */
export const empty: Transcript = {
  thread: undefined,
  message: undefined,
  total: undefined,
  error: undefined,
  turn: { _tag: "Open" }
}

/**
 * What is known after one more line.
 * @category combinators
 * @since 0.1.0
 */
export const next = (transcript: Transcript, line: string): Transcript =>
  Option.match(decodeEvent(line.replace(/^\uFEFF/, "")), {
    onNone: () => transcript,
    onSome: (event) => {
      switch (event.type) {
        case "thread.started":
          return { ...transcript, thread: event.thread_id }
        case "item.completed":
          return { ...transcript, message: event.item.text }
        case "turn.completed":
          return { ...transcript, total: usageOf(event.usage), turn: { _tag: "Completed" } }
        case "turn.failed":
          return { ...transcript, turn: { _tag: "Failed", message: messageOf(event.error) ?? "" } }
        case "error":
          return reconnecting.test(event.message) ? transcript : { ...transcript, error: event.message }
      }
    }
  })

/**
 * What a request added to the tokens of a thread. Counts below those already known are the request's own.
 * @category converting
 * @since 0.1.0
 */
export const added = (total: Usage.Usage, used: Usage.Usage): Usage.Usage =>
  buckets.some((bucket) => total[bucket] < used[bucket]) ? total : {
    inputTokens: total.inputTokens - used.inputTokens,
    outputTokens: total.outputTokens - used.outputTokens,
    cacheReadTokens: total.cacheReadTokens - used.cacheReadTokens,
    cacheWriteTokens: total.cacheWriteTokens - used.cacheWriteTokens
  }

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const buckets = ["inputTokens", "outputTokens", "cacheReadTokens", "cacheWriteTokens"] as const

const Event = Schema.Union(
  Schema.Struct({ type: Schema.Literal("thread.started"), thread_id: Schema.NonEmptyString }),
  Schema.Struct({
    type: Schema.Literal("item.completed"),
    item: Schema.Struct({ type: Schema.Literal("agent_message"), text: Schema.String })
  }),
  Schema.Struct({ type: Schema.Literal("turn.completed"), usage: Schema.optional(Schema.Unknown) }),
  Schema.Struct({ type: Schema.Literal("turn.failed"), error: Schema.optional(Schema.Unknown) }),
  Schema.Struct({ type: Schema.Literal("error"), message: Schema.String })
)
const decodeEvent = Schema.decodeOption(Schema.parseJson(Event))

const reconnecting = /^Reconnecting\.\.\./

const Message = Schema.Struct({ message: Schema.String })
const decodeMessage = Schema.decodeUnknownOption(Schema.Union(Message, Schema.String))

const messageOf = (error: unknown): string | undefined =>
  Option.getOrUndefined(
    Option.map(decodeMessage(error), (decoded) => typeof decoded === "string" ? decoded : decoded.message)
  )

const Count = Schema.NonNegativeInt
const decodeUsage = Schema.decodeUnknownOption(Schema.Struct({
  input_tokens: Count,
  output_tokens: Count,
  cached_input_tokens: Schema.optional(Schema.NullOr(Count)),
  cache_write_input_tokens: Schema.optional(Schema.NullOr(Count))
}))

const usageOf = (usage: unknown): Usage.Usage | undefined =>
  Option.getOrUndefined(Option.map(decodeUsage(usage), (counts) => {
    const cacheReadTokens = Math.min(counts.input_tokens, counts.cached_input_tokens ?? 0)
    const cacheWriteTokens = Math.min(counts.input_tokens - cacheReadTokens, counts.cache_write_input_tokens ?? 0)
    return {
      inputTokens: counts.input_tokens - cacheReadTokens - cacheWriteTokens,
      outputTokens: counts.output_tokens,
      cacheReadTokens,
      cacheWriteTokens
    }
  }))
