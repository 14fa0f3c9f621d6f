import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as AnswerSchema from "open-agent-workflows/domain/AnswerSchema"
import type { Answer as ProviderAnswer } from "open-agent-workflows/provider/Provider"
import * as Answer from "../../src/workflow/Answer.ts"

const answer = (text: string, structured?: unknown): ProviderAnswer => ({
  text,
  structured,
  raw: text,
  usage: undefined,
  cost: undefined,
  model: undefined,
  session: undefined
})

const Label = Schema.Struct({ label: Schema.Literal("bug", "feature"), at: Schema.Date })
const label = AnswerSchema.make(Label)
const json = `{"label":"bug","at":"2026-05-28T00:00:00.000Z"}`
const decoded: typeof Label.Type = { label: "bug", at: new Date("2026-05-28T00:00:00.000Z") }

describe("an answer", () => {
  it("without a schema is its text, whatever it looks like", () => {
    for (const text of ["yes", "", json, "```json\n{}\n```"]) {
      assert.deepStrictEqual(Answer.read(answer(text, { ignored: true }), undefined), Either.right(text))
    }
  })

  it.effect("with a schema is the decoded value of the JSON in its text", () =>
    Effect.gen(function*() {
      const schema = yield* label
      for (const text of [json, `\n${json}\n`, `Here it is:\n\`\`\`json\n${json}\n\`\`\`\nDone.`]) {
        assert.deepStrictEqual(Answer.read(answer(text), schema), Either.right(decoded), text)
      }
    }))

  it.effect("with a schema is found among other objects and inside of one, however the text ends", () =>
    Effect.gen(function*() {
      const schema = yield* label
      const texts = [
        `I changed {"file": "a.ts"} first. The answer: ${json}`,
        `${json}\n\nSettings that I used:\n\`\`\`json\n{"depth": 3}\n\`\`\``,
        `{"result": ${json}}`,
        `{"status": "ok", "answer": ${json}}`
      ]
      for (const text of texts) assert.deepStrictEqual(Answer.read(answer(text), schema), Either.right(decoded), text)
    }))

  it.effect("that has some of what was asked for is not replaced by a draft, and one of a list is no answer", () =>
    Effect.gen(function*() {
      const schema = yield* label
      const texts = [
        `For example ${json}\n\`\`\`json\n{"label": "question"}\n\`\`\``,
        `{"list": [${json}]}`,
        `First {"file": "a.ts"}, then {"label": "feature", "at": `
      ]
      for (const text of texts) assert.isTrue(Either.isLeft(Answer.read(answer(text), schema)), text)
    }))

  it.effect("that is cut off has no draft stand in for it, whatever was asked for", () =>
    Effect.gen(function*() {
      const list = yield* AnswerSchema.make(Schema.Array(Schema.Struct({ a: Schema.Number })))
      const objects = yield* label
      const draft = `Draft: ${json}. Final: {"label": "feature", "at": "2026`
      assert.isTrue(Either.isLeft(Answer.read(answer(draft), objects)))
      assert.isTrue(Either.isLeft(Answer.read(answer(`Draft: [{"a": 1}]. Final: [{"a": 2}, {"a":`), list)))
      assert.deepStrictEqual(Answer.read(answer(`Final: [{"a": 2}], see [1].`), list), Either.right([{ a: 2 }]))
    }))

  it.effect("that came structured is read from there, not from its text", () =>
    Effect.gen(function*() {
      const schema = yield* label
      assert.deepStrictEqual(Answer.read(answer("no JSON here", JSON.parse(json)), schema), Either.right(decoded))
      assert.isTrue(Either.isLeft(Answer.read(answer(json, { label: "other" }), schema)))
      assert.isTrue(Either.isLeft(Answer.read(answer(json, null), schema)), "a structured null is an answer")
    }))

  it.effect("that does not fit has every fault with its path", () =>
    Effect.gen(function*() {
      const schema = yield* label
      const faults = Either.getOrThrow(Either.flip(Answer.read(answer(`{"label":"question","at":"x"}`), schema)))
      assert.deepStrictEqual(faults.map(({ path }) => path).toSorted(), ["$.at", "$.label", "$.label"])
    }))

  it.effect("that holds no JSON has one fault, at the root", () =>
    Effect.gen(function*() {
      const faults = Either.getOrThrow(Either.flip(Answer.read(answer("I am sorry."), yield* label)))
      assert.deepStrictEqual(faults.map(({ path }) => path), ["$"])
      assert.notStrictEqual(faults[0]?.message, "")
    }))
})

describe("what a provider is told", () => {
  it("is one line for each fault, twenty at most", () => {
    const faults = Array.from({ length: 50 }, (_, i) => ({ path: `$[${i}]`, message: "is missing" }))
    const lines = Answer.problem(faults).split("\n")
    assert.strictEqual(lines.length, 20)
    assert.strictEqual(lines[0], "$[0]: is missing")
  })
})
