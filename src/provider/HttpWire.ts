/**
 * The wire format of an HTTP API, apart from how it is carried: what is sent, and what the answer means.
 *
 * Everything here is pure. Sending, caps, keys, retries of a form, masking and prices are `HttpProvider`'s.
 */
import type * as HttpClientRequest from "@effect/platform/HttpClientRequest"
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
  /** No terminal event yet: a stream that closes here was cut. */
  | { readonly _tag: "Open" }
  | { readonly _tag: "Complete"; readonly completion: Completion }
  | { readonly _tag: "Failed"; readonly error: ServerError }

/**
 * Reads one streamed answer, event by event.
 * @category models
 * @since 0.1.0
 */
export interface StreamReader {
  /** Takes the next event; `Complete` and `Failed` are final. */
  readonly next: (event: StreamEvent) => StreamState
  /** What a stream that closed without a terminal event brought: never an answer, but perhaps paid for. */
  readonly partial: () => Completion
}

/**
 * An API's wire format.
 * @category models
 * @since 0.1.0
 */
export interface HttpWire {
  /** Address of a request, below the base address and starting with a slash. */
  readonly path: (model: string) => string
  readonly headers: Readonly<Record<string, string>>
  readonly authorize: (
    request: HttpClientRequest.HttpClientRequest,
    key: Redacted.Redacted
  ) => HttpClientRequest.HttpClientRequest
  /** The first form to put a schema in, and those to try when a server refuses it. */
  readonly forms: (request: Request) => ReadonlyArray<SchemaForm>
  /** The body of a streaming request, as JSON. `maxOutputTokens` is the request's own or the model's limit, if any. */
  readonly body: (request: Request, form: SchemaForm, maxOutputTokens: number | undefined) => unknown
  readonly reader: (form: SchemaForm) => StreamReader
  /** An answer from a server that does not stream. */
  readonly completionOf: (body: unknown, form: SchemaForm) => Option.Option<Completion>
  readonly errorOf: (body: unknown) => Option.Option<ServerError>
  /** Whether an error is about the form a schema was put in. */
  readonly refusesForm: (status: number, error: ServerError) => boolean
}
