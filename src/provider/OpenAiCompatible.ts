/**
 * Chat completions over HTTP: OpenAI, and every server that speaks like it.
 *
 * A schema is sent as a strict JSON Schema where it has such a form, else as JSON mode with the schema in words, else in
 * words alone; answers are streamed, with their token counts where the server can.
 */
import * as HttpClientRequest from "@effect/platform/HttpClientRequest"
import type * as Arr from "effect/Array"
import * as Option from "effect/Option"
import type { JsonSchemaObject } from "../internal/jsonSchema.ts"
import * as HttpProvider from "./HttpProvider.ts"
import type { HttpWire, SchemaForm, ServerError, Shape } from "./HttpWire.ts"
import * as OpenAiWire from "./OpenAiWire.ts"
import type { Request } from "./Provider.ts"
import * as SchemaWords from "./SchemaWords.ts"
import * as StrictSchema from "./StrictSchema.ts"

/**
 * A server and how to talk to it.
 * @category models
 * @since 0.1.0
 */
export interface Options extends HttpProvider.ServerOptions {
  /** What the bound on output is called. Defaults to `max_tokens`. */
  readonly outputBound?: "max_tokens" | "max_completion_tokens" | undefined
  /** Whether the cost in a body's usage is in dollars. Defaults to false. */
  readonly reportsCost?: boolean | undefined
}

/**
 * A provider of one server; its key is looked up at each request.
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: Options) =>
  HttpProvider.ofServer(
    options,
    { temperature: true, cost: options.reportsCost === true ? "reported" : "priced" },
    wireOf(options)
  )

/**
 * The wire format of a server.
 * @category constructors
 * @since 0.1.0
 */
export const wireOf = (options: Pick<Options, "schemas" | "outputBound" | "reportsCost">): HttpWire => ({
  path: () => "/chat/completions",
  headers: {},
  authorize: HttpClientRequest.bearerToken,
  forms: ({ schema }) => formsOf(options, schema),
  deliveries: ["counted", "stream", "whole"],
  body: (request, shape) => bodyOf(options, request, shape),
  reader: () => OpenAiWire.reader(options.reportsCost === true),
  completionOf: (body) => OpenAiWire.completionOf(body, options.reportsCost === true),
  errorOf: OpenAiWire.errorOf,
  refusesForm: (status, error) => isInvalid(status) && isAboutForm(error),
  refusesDelivery: (status, error) => isInvalid(status) && isAboutDelivery(error)
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const isInvalid = (status: number) => status === 400 || status === 422

// the parameter at fault, which servers name in a field or, failing that, only in the text

const isAboutForm = ({ message, param }: ServerError): boolean =>
  param?.startsWith("response_format") === true || /response_format|json_schema/.test(message ?? "")

const isAboutDelivery = ({ message, param }: ServerError): boolean =>
  param === undefined ? streamWords.test(message ?? "") : param.startsWith("stream")

const streamWords = /\bstream_options\b|\binclude_usage\b|["'`]stream["'`]|\bstreaming\b/i

const formsOf = (
  { schemas }: Pick<Options, "schemas">,
  schema: JsonSchemaObject | undefined
): Arr.NonEmptyReadonlyArray<SchemaForm> => {
  if (schema === undefined) return ["none"]
  return schemas === "object" || Option.isNone(StrictSchema.make(schema))
    ? ["object", "words"]
    : ["strict", "object", "words"]
}

const bodyOf = (
  options: Pick<Options, "outputBound">,
  request: Omit<Request, "timeout">,
  { delivery, form, maxOutputTokens }: Shape
): typeof OpenAiWire.ChatRequest.Type => {
  const { correction, schema, system, temperature } = request
  const prompt = SchemaWords.withSchema(request.prompt, form === "strict" ? undefined : schema)
  const format = schema === undefined ? undefined : formatOf(form, schema)
  return {
    model: request.model,
    messages: [
      ...(system === undefined ? [] : [{ role: "system" as const, content: system }]),
      { role: "user", content: prompt },
      ...(correction === undefined ? [] : [
        { role: "assistant" as const, content: correction.answer },
        { role: "user" as const, content: SchemaWords.correctionText(correction.problem) }
      ])
    ],
    ...(temperature === undefined ? {} : { temperature }),
    ...(maxOutputTokens === undefined ? {} : { [options.outputBound ?? "max_tokens"]: maxOutputTokens }),
    ...(format === undefined ? {} : { response_format: format }),
    ...(delivery === "whole" ? {} : { stream: true }),
    ...(delivery === "counted" ? { stream_options: { include_usage: true } } : {})
  }
}

const formatOf = (form: SchemaForm, schema: JsonSchemaObject): typeof OpenAiWire.ResponseFormat.Type | undefined => {
  if (form === "object") return { type: "json_object" }
  if (form !== "strict") return undefined
  return Option.getOrUndefined(Option.map(StrictSchema.make(schema), (strict) => ({
    type: "json_schema" as const,
    json_schema: { name: "result", strict: true, schema: strict }
  })))
}
