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

/**
 * A server and how to talk to it.
 * @category models
 * @since 0.1.0
 */
export interface Options extends HttpProvider.ServerOptions {
  readonly schemas: "enforced" | "tried"
}

/**
 * A provider of one server; its key is looked up at each request.
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options) => HttpProvider.ofServer(options, { temperature: true }, wire)

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
