import type * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type * as AnswerSchema from "open-agent-workflows/domain/AnswerSchema"
import { expect, test } from "tstyche"

declare const agent: {
  <A>(prompt: string, options: { readonly schema: AnswerSchema.Input<A> }): A
}
declare const decoded: <A>(schema: AnswerSchema.AnswerSchema<A>) => A
declare const needy: Schema.Schema<string, string, "Service">
declare const answer: AnswerSchema.AnswerSchema<number>

test("an Effect Schema decides the type", () => {
  expect(agent("…", { schema: Schema.Struct({ label: Schema.String }) })).type.toBe<{ readonly label: string }>()
  expect(agent("…", { schema: Schema.Array(Schema.Date) })).type.toBe<ReadonlyArray<Date>>()
  class Finding extends Schema.Class<Finding>("Finding")({ path: Schema.String }) {}
  expect(agent("…", { schema: Finding })).type.toBe<Finding>()
})

test("the type is that of the decoded side", () => {
  expect(agent("…", { schema: Schema.NumberFromString })).type.toBe<number>()
  expect(agent("…", { schema: Schema.parseJson(Schema.Struct({ n: Schema.Number })) })).type.toBe<
    { readonly n: number }
  >()
})

test("a JSON Schema gives unknown", () => {
  expect(agent("…", { schema: { type: "object" } as const })).type.toBe<unknown>()
  expect(agent("…", { schema: { type: "object", properties: { a: { type: "string" } } } })).type.toBe<unknown>()
})

test("a schema with requirements is refused", () => {
  expect(agent<string>).type.not.toBeCallableWith("…", { schema: needy })
})

test("make keeps the type", () => {
  expect(decoded(answer)).type.toBe<number>()
  expect(answer.decode).type.toBe<
    (value: unknown) => Either.Either<number, ReadonlyArray<AnswerSchema.ValidationIssue>>
  >()
})
