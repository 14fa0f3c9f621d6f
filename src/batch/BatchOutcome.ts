/**
 * What came of a request as it is stored: read, checked against its schema and priced like the answer of a live call.
 *
 * An answer that does not fit its schema keeps its text, because it was paid for.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { ProviderReason } from "../domain/AgentError.ts"
import * as AnswerSchema from "../domain/AnswerSchema.ts"
import * as Money from "../domain/Money.ts"
import type { NanoUsd } from "../domain/Money.ts"
import * as Usage from "../domain/Usage.ts"
import type { JsonSchemaObject } from "../internal/jsonSchema.ts"
import type { Completion, SchemaForm } from "../provider/HttpWire.ts"
import * as Pricing from "../provider/Pricing.ts"
import type { AskedRequest, SettledRequest } from "../store/BatchStore.ts"
import * as Answer from "../workflow/Answer.ts"
import type { BatchApi, Row } from "./Batch.ts"

/**
 * Reads the outcomes of a job's requests.
 * @category models
 * @since 0.1.0
 */
export interface OutcomeReader {
  readonly read: (asked: AskedRequest, row: Row) => Effect.Effect<SettledRequest>
}

/**
 * A reader of what an API answers; schemas are compiled once.
 * @category constructors
 * @since 0.1.0
 */
export const make = (api: BatchApi, pricing: Pricing.Pricing["Type"], now: number): OutcomeReader => {
  const schemas = new Map<string, AnswerSchema.AnswerSchema<unknown> | undefined>()
  const schemaOf = (json: string | null): Effect.Effect<AnswerSchema.AnswerSchema<unknown> | undefined> => {
    if (json === null) return Effect.succeed(undefined)
    if (schemas.has(json)) return Effect.succeed(schemas.get(json))
    // it was compiled before it was stored, so it compiles
    return Effect.map(Effect.option(Effect.flatMap(parseSchema(json), AnswerSchema.make)), (made) => {
      if (schemas.size >= maxSchemas) schemas.clear()
      schemas.set(json, Option.getOrUndefined(made))
      return Option.getOrUndefined(made)
    })
  }
  const costOf = (asked: AskedRequest, completion: Partial<Completion>): Priced => {
    const { costUsd, model, usage } = completion
    if (costUsd !== undefined) {
      const cost = Money.fromUsd(costUsd)
      return Money.isPlausible(cost) ? { cost, costSource: "provider" } : notPriced
    }
    if (usage === undefined) return notPriced
    const price = Option.orElse(
      pricing.priceAt(api.pricedAs, asked.model, now),
      () => model === undefined ? Option.none() : pricing.priceAt(api.pricedAs, model, now)
    )
    return Option.match(price, {
      onNone: () => notPriced,
      onSome: (found) => {
        const batch = Pricing.forBatch(found, api.discount)
        return { cost: Pricing.cost(batch, usage), costSource: batch.source }
      }
    })
  }

  const answered = Effect.fnUntraced(function*(asked: AskedRequest, said: Completion) {
    const completion = { ...said, usage: believed(said.usage) }
    const facts = { ...base(asked, completion.usage, api.mask(completion.model ?? "")), ...costOf(asked, completion) }
    const text = api.mask(completion.text ?? "").trim()
    const { problem } = completion
    if (problem !== undefined) return failed({ ...facts, text }, problem.reason, api.mask(problem.detail))
    if (text === "") return failed(facts, "EmptyAnswer", "the answer is empty")
    const schema = yield* schemaOf(asked.schemaJson)
    if (schema === undefined) return { ...facts, status: "ok", text } satisfies SettledRequest
    const value = Answer.read({ text, structured: undefined }, schema)
    return Either.match(value, {
      onLeft: (issues): SettledRequest => ({
        ...facts,
        status: "schema_failed",
        text,
        errorKind: "SchemaFailed",
        error: `the answer does not fit its schema: ${Answer.problem(issues)}`
      }),
      onRight: (value): SettledRequest => ({
        ...facts,
        status: "ok",
        text,
        valueJson: JSON.stringify(schema.encode(value))
      })
    })
  })

  return {
    read: (asked, row) => {
      const outcome = row.outcome(formOf(asked.form))
      switch (outcome._tag) {
        case "Answered":
          return answered(asked, outcome.completion)
        case "Failed": {
          const { detail, reason } = outcome
          const usage = believed(outcome.usage)
          const facts = { ...base(asked, usage, ""), ...costOf(asked, { usage }) }
          return Effect.succeed(failed(facts, reason, api.mask(detail)))
        }
        case "NotRun":
          return Effect.succeed({
            ...base(asked, undefined, ""),
            status: outcome.ending,
            error: notRun[outcome.ending]
          })
      }
    }
  }
}

/**
 * Why a request of a job that ended has no answer.
 * @category models
 * @since 0.1.0
 */
export const notRun = {
  expired: "the job expired before this request was carried out",
  cancelled: "the job was cancelled before this request was carried out"
} as const

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Priced {
  readonly cost: NanoUsd | null
  readonly costSource: string | null
}

const maxSchemas = 64
const believed = (usage: Usage.Usage | undefined): Usage.Usage | undefined =>
  usage !== undefined && Usage.isPlausible(usage) ? usage : undefined
const notPriced: Priced = { cost: null, costSource: null }
const isSchema = (value: unknown): value is JsonSchemaObject =>
  typeof value === "object" && value !== null && !Array.isArray(value)
const parseSchema = (json: string) =>
  Effect.filterOrFail(Schema.decode(Schema.parseJson())(json), isSchema, () => "not a schema" as const)

const forms: ReadonlyArray<SchemaForm> = ["strict", "object", "words", "none"]
const formOf = (form: string): SchemaForm => forms.find((known) => known === form) ?? "none"

const base = (asked: AskedRequest, usage: Usage.Usage | undefined, model: string): SettledRequest => ({
  position: asked.position,
  status: "provider_failed",
  text: null,
  valueJson: null,
  errorKind: null,
  error: null,
  usage: usage ?? null,
  ...notPriced,
  answeredModel: model === "" ? null : model
})

const failed = (facts: SettledRequest, reason: ProviderReason, detail: string): SettledRequest => ({
  ...facts,
  status: "provider_failed",
  text: facts.text === "" ? null : facts.text,
  errorKind: reason,
  error: detail
})
