/**
 * Gemini's `generateContent` API over HTTP.
 *
 * A schema is sent as the schema of the answer where it has such a form, else as JSON with the schema in words, else in
 * words alone; answers are streamed.
 */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import * as Redacted from "effect/Redacted"
import * as GeminiWire from "./GeminiWire.ts"
import * as HttpProvider from "./HttpProvider.ts"
import type { HttpWire } from "./HttpWire.ts"
import type { RateLimits } from "./Provider.ts"
import { capabilities } from "./Provider.ts"

/**
 * A server and how to talk to it.
 * @category models
 * @since 0.1.0
 */
export interface Options {
  readonly name: string
  /** Address without a trailing slash, to which `/v1beta/models/…` is added. */
  readonly baseUrl: string
  /** Model of calls that name none. */
  readonly model: string
  /** The variable that holds the key, or several of which the first one set does; undefined for servers that take none. */
  readonly keyVariable: string | ReadonlyArray<string> | undefined
  /** Name or address the server's models are priced under. Defaults to the name. */
  readonly pricedAs?: string | undefined
  /** `enforced`: answers always fit a schema that has such a form; `tried`: that form may be refused. */
  readonly schemas: "enforced" | "tried"
  readonly concurrency: number | undefined
  readonly limits?: RateLimits | undefined
  /** Bytes of a body that are read at most. Defaults to 64 MiB. */
  readonly maxBodyBytes?: number | undefined
  /** Characters of one event of a stream that are read at most. Defaults to 16 MiB. */
  readonly maxEventSize?: number | undefined
}

/**
 * A provider of one server; its key is looked up at each request.
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options) =>
  HttpProvider.make({
    name: options.name,
    baseUrl: options.baseUrl,
    model: options.model,
    keyVariable: options.keyVariable,
    capabilities: capabilities({
      schema: options.schemas === "enforced" ? "native" : "prompt",
      boundsOutput: true,
      temperature: true,
      cost: "priced",
      concurrency: options.concurrency,
      limits: options.limits
    }),
    pricedAs: options.pricedAs,
    maxBodyBytes: options.maxBodyBytes,
    maxEventSize: options.maxEventSize
  }, wire)

/**
 * The wire format of the API.
 * @category constructors
 * @since 0.1.0
 */
export const wire: HttpWire = {
  path: GeminiWire.pathOf,
  headers: {},
  authorize: (request, key) => HttpClientRequest.setHeader(request, "x-goog-api-key", Redacted.value(key)),
  forms: ({ schema }) => GeminiWire.formsOf(schema),
  deliveries: ["stream"],
  body: GeminiWire.bodyOf,
  reader: GeminiWire.reader,
  completionOf: GeminiWire.completionOf,
  errorOf: GeminiWire.errorOf,
  refusesForm: GeminiWire.refusesForm,
  refusesDelivery: () => false
}
