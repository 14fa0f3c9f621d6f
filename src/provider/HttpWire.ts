/**
 * The wire format of an HTTP API, apart from how it is carried: what is sent, and what the answer means.
 *
 * Everything here is pure. Sending, caps, keys, retries of a form, masking and prices are `HttpProvider`'s.
 */
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as Arr from "effect/Array"
import type * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import type { ProviderReason } from "../domain/AgentError.ts"
import type { Usage } from "../domain/Usage.ts"
import type { Request } from "./Provider.ts"

/**
 * How a schema is put to a model: enforced as a schema, as JSON mode with the schema in words, in words alone; `none`
 * without a schema.
 * @category models
 * @since 0.1.0
 */
export type SchemaForm = "strict" | "object" | "words" | "none"

/**
 * What an API answered, complete or not.
 * @category models
 * @since 0.1.0
 */
export interface Completion {
  readonly text: string | undefined
  /** The structured answer where the API gives one apart from the text. */
  readonly structured: unknown
  /** Why this is no answer, such as a refusal or a cut; undefined when it is one. */
  readonly problem: { readonly reason: ProviderReason; readonly detail: string } | undefined
  readonly usage: Usage | undefined
  /** Dollars, where the API says what the request cost. */
  readonly costUsd: number | undefined
  readonly model: string | undefined
}

/**
 * An error as an API describes it.
 * @category models
 * @since 0.1.0
 */
export interface ServerError {
  readonly message: string | undefined
  readonly code: string | number | undefined
  readonly type: string | undefined
  readonly param: string | undefined
  /** Time to wait, for APIs that say it in the body. */
  readonly retryAfterMs: number | undefined
  /** What it means, where the API's own fields say it more exactly than the status and common codes. */
  readonly reason?: ProviderReason | undefined
}

/**
 * One server-sent event.
 * @category models
 * @since 0.1.0
 */
export interface StreamEvent {
  readonly event: string | undefined
  readonly data: string
}

/**
 * Where a stream has come to.
 * @category models
 * @since 0.1.0
 */
export type StreamState =
  /** No final event yet. */
  | {
    readonly _tag: "Open"
    /** Tokens used up to now, when the event says so. */
    readonly usage?: Usage | undefined
    /** Whether the event only keeps the connection open, so that it is no progress. */
    readonly isKeepAlive?: boolean | undefined
  }
  | { readonly _tag: "Complete"; readonly completion: Completion }
  | { readonly _tag: "Failed"; readonly error: ServerError }

/**
 * What a stream that closed without a final event brought: perhaps paid for, and an answer only when it is complete.
 * @category models
 * @since 0.1.0
 */
export interface StreamEnd {
  /** Whether the answer is whole all the same, as for APIs whose streams have no final event. */
  readonly isComplete: boolean
  readonly completion: Completion
}

/**
 * Reads one streamed answer, event by event.
 * @category models
 * @since 0.1.0
 */
export interface StreamReader {
  /** Takes the next event; `Complete` and `Failed` are final. */
  readonly next: (event: StreamEvent) => StreamState
  /** What came, when the stream closes or breaks here. */
  readonly end: () => StreamEnd
}

/**
 * How an answer is to be sent: as a stream that ends with its token counts, as a stream, or in one piece.
 * @category models
 * @since 0.1.0
 */
export type Delivery = "counted" | "stream" | "whole"

/**
 * What a request is to look like.
 * @category models
 * @since 0.1.0
 */
export interface Shape {
  readonly form: SchemaForm
  readonly delivery: Delivery
  /** The request's own bound, or the model's limit where one is known; undefined to send none. */
  readonly maxOutputTokens: number | undefined
}

/**
 * An API's wire format.
 * @category models
 * @since 0.1.0
 */
export interface HttpWire {
  /** Address of a request, below the base address and starting with a slash. */
  readonly path: (model: string, delivery: Delivery) => string
  readonly headers: Readonly<Record<string, string>>
  readonly authorize: (
    request: HttpClientRequest.HttpClientRequest,
    key: Redacted.Redacted
  ) => HttpClientRequest.HttpClientRequest
  /** The forms to put the request's schema in, the first to try first; `none` alone without a schema. */
  readonly forms: (request: Omit<Request, "timeout">) => Arr.NonEmptyReadonlyArray<SchemaForm>
  /** The deliveries to ask for, the first to try first. */
  readonly deliveries: Arr.NonEmptyReadonlyArray<Delivery>
  /** The body of a request, as JSON. */
  readonly body: (request: Omit<Request, "timeout">, shape: Shape) => unknown
  /** Reads a stream; an event that cannot be read makes the answer `Malformed`, never one with a hole. */
  readonly reader: (form: SchemaForm) => StreamReader
  /** An answer that came in one piece, whatever was asked for. */
  readonly completionOf: (body: unknown, form: SchemaForm) => Option.Option<Completion>
  readonly errorOf: (body: unknown) => Option.Option<ServerError>
  /** Whether an error is about the form a schema was put in. */
  readonly refusesForm: (status: number, error: ServerError) => boolean
  /** Whether an error is about the delivery. */
  readonly refusesDelivery: (status: number, error: ServerError) => boolean
}
