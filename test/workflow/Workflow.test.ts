import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as FastCheck from "effect/FastCheck"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Owf } from "open-agent-workflows/node/Owf"
import * as OwfTest from "open-agent-workflows/node/OwfTest"
import * as Workflow from "open-agent-workflows/workflow/Workflow"

class Suffix extends Context.Tag("Suffix")<Suffix, string>() {}

const Args = Schema.Struct({
  text: Schema.String,
  count: Schema.optionalWith(Schema.NumberFromString, { default: () => 1 }),
  since: Schema.optional(Schema.Date)
})

const repeat = Workflow.make({
  name: "repeat",
  description: "Says a thing several times",
  phases: ["say"],
  args: Args,
  output: Schema.Array(Schema.String)
}, function*({ count, text }) {
  const suffix = yield* Effect.serviceOption(Suffix)
  return Array.from({ length: count }, () => text + (suffix._tag === "Some" ? suffix.value : ""))
})

const double = Workflow.make(
  { name: "double", args: Schema.Struct({ n: Schema.Number }) },
  ({ n }) => Effect.succeed(n * 2)
)

const none = Workflow.make({ name: "none" }, () => Effect.succeed(undefined))

const ran = <A, E>(effect: Effect.Effect<A, E, Owf>) => Effect.provide(effect, OwfTest.layer())

describe("a workflow", () => {
  it("is known as one, and keeps what was said about it", () => {
    assert.isTrue(Workflow.isWorkflow(repeat))
    assert.deepInclude(Workflow.definitionOf(repeat), {
      name: "repeat",
      description: "Says a thing several times",
      phases: ["say"],
      args: Args
    })
    assert.deepStrictEqual(Workflow.definitionOf(none), { name: "none" })
    for (const other of [null, undefined, "repeat", {}, () => Effect.void, { [Workflow.TypeId]: {} }, Effect.void]) {
      assert.isFalse(Workflow.isWorkflow(other))
    }
  })

  it("is a function under its own name", () => {
    assert.isFunction(repeat)
    assert.strictEqual(repeat.name, "repeat")
    assert.strictEqual(Workflow.make({ name: "with spaces & signs" }, () => Effect.void).name, "with spaces & signs")
  })

  it("does nothing until its Effect is run", () => {
    let began = 0
    const counted = Workflow.make({ name: "counted" }, () => {
      began++
      return Effect.void
    })
    counted()
    assert.isTrue(Effect.isEffect(counted()))
    assert.strictEqual(began, 0)
  })

  it.effect("runs a generator and a function alike, and every time anew", () =>
    ran(Effect.gen(function*() {
      assert.deepStrictEqual(yield* repeat({ text: "a", count: "2" }), ["a", "a"])
      const again = double({ n: 21 })
      assert.strictEqual(yield* again, 42)
      assert.strictEqual(yield* again, 42)
      const same = repeat({ text: "b" })
      assert.deepStrictEqual([yield* same, yield* same], [["b"], ["b"]])
      assert.isUndefined(yield* none())
    })))

  it.effect("gives its body the services it is run with", () =>
    ran(Effect.gen(function*() {
      const value = yield* Effect.provideService(repeat({ text: "a" }), Suffix, "!")
      assert.deepStrictEqual(value, ["a!"])
    })))

  it.effect("fails with its body's own error", () =>
    ran(Effect.gen(function*() {
      const failing = Workflow.make({ name: "failing" }, function*() {
        return yield* Effect.fail("mine" as const)
      })
      assert.strictEqual(yield* Effect.flip(failing()), "mine")
    })))
})

describe("a body that TypeScript would have refused, or whose mistake it cannot see", () => {
  // as scripts are loaded, whose types nobody looked at
  const body = (give: () => unknown) => give as () => Effect.Effect<unknown>
  const one = Effect.sync(() => 1)
  const mistakes: ReadonlyArray<readonly [string, () => unknown, string]> = [
    ["an async function", async () => 1, "is an async function. Write function*()"],
    ["a plain value", () => 5, "is neither a generator function (function*) nor a function that returns an Effect"],
    ["a list", () => [1], "is neither a generator function"],
    ["a yield without its star", function*(): Generator<unknown> {
      return yield one
    }, "has a `yield` that runs nothing: write `yield*`"],
    ["a promise that is yielded", function*() {
      yield Promise.resolve(1)
    }, "yields a promise: write `yield* Effect"],
    ["an Effect that is returned", function*() {
      return one
    }, "returns an Effect that never ran"],
    ["an Effect of an Effect", () => Effect.succeed(one), "returns an Effect that never ran"],
    ["a list of Effects", function*() {
      return [yield* one, one]
    }, "returns an Effect that never ran"],
    ["Effects by name", function*() {
      return { one, two: 2 }
    }, "returns an Effect that never ran"]
  ]

  for (const [name, mistaken, message] of mistakes) {
    it.effect(`fails in words: ${name}`, () =>
      ran(Effect.gen(function*() {
        const flow = Workflow.make({ name: "mistaken" }, body(mistaken))
        const { exit, status } = yield* Workflow.start(flow, {})
        assert.strictEqual(status, "failed")
        const defect = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
        assert.instanceOf(defect, TypeError)
        assert.include(String(defect), `The body of workflow mistaken ${message}`)
      })))
  }

  it.effect("may return what is an Effect only in name", () =>
    ran(Effect.gen(function*() {
      const values = [Option.some(1), Option.none(), Either.right(1), Exit.succeed(1), { some: Option.some(1) }, null]
      for (const value of values) {
        assert.strictEqual(yield* Workflow.make({ name: "values" }, body(() => Effect.succeed(value)))(), value)
      }
    })))

  it("has to be part of a workflow that has a name", () => {
    for (const name of [undefined, "", 5]) {
      assert.throws(() => Workflow.make({ name: name as string }, () => one), "`name` is missing")
    }
  })
})

describe("arguments", () => {
  const decode = (args: unknown) => Workflow.decodeArgs(repeat, args)

  it.effect("have their defaults filled in, and are written down as they were given", () =>
    Effect.gen(function*() {
      const { json, value } = yield* decode({ text: "a" })
      assert.deepStrictEqual(value, { text: "a", count: 1 })
      assert.strictEqual(json, `{"count":"1","text":"a"}`)
    }))

  it.effect("that JSON would change are refused before there is a run", () =>
    Effect.gen(function*() {
      const lossy = Workflow.make({
        name: "lossy",
        args: Schema.Struct({ at: Schema.DateFromSelf, big: Schema.optional(Schema.BigIntFromSelf) })
      }, () => Effect.void)
      const error = yield* Effect.flip(Workflow.decodeArgs(lossy, { at: new Date(0), big: 1n }))
      assert.strictEqual(error._tag, "ArgsInvalid")
      assert.include(error.message, "cannot be stored as JSON")
    }))

  it.effect("may be left out where all have defaults", () =>
    Effect.gen(function*() {
      const greedy = Workflow.make({
        name: "greedy",
        args: Schema.Struct({ n: Schema.optionalWith(Schema.Number, { default: () => 3 }) })
      }, ({ n }) => Effect.succeed(n))
      for (const args of [undefined, null, {}]) {
        assert.deepStrictEqual(yield* Workflow.decodeArgs(greedy, args), { value: { n: 3 }, json: `{"n":3}` })
      }
    }))

  it.effect("of a workflow that takes none are none", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* Workflow.decodeArgs(none, undefined), { value: {}, json: "{}" })
      const error = yield* Effect.flip(Workflow.decodeArgs(none, { n: 1 }))
      assert.deepInclude(error, { _tag: "ArgsInvalid", workflow: "none" })
      assert.deepStrictEqual(error.issues.map(({ path }) => path), ["$.n"])
    }))

  it.effect("are refused with every fault and its path", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(decode({ count: "many", since: "yesterday", txet: "a" }))
      assert.deepInclude(error, { _tag: "ArgsInvalid", workflow: "repeat" })
      assert.deepStrictEqual([...new Set(error.issues.map(({ path }) => path))].toSorted(), [
        "$.count",
        "$.since",
        "$.text",
        "$.txet"
      ])
      for (const { message, path } of error.issues) assert.include(error.message, `${path}: ${message}`)
      for (const wrong of ["text", 1, [], [{ text: "a" }]]) yield* Effect.flip(decode(wrong))
    }))

  it.effect("come back from what was written down as they were", () =>
    Effect.gen(function*() {
      const given = { text: "é\u2028😀\"", count: "7", since: "2026-05-28T14:32:01.000Z" }
      const first = yield* decode(given)
      assert.deepStrictEqual(first.value, { text: given.text, count: 7, since: new Date(given.since) })
      const again = yield* decode(JSON.parse(first.json))
      assert.deepStrictEqual(again, first)
    }))

  it("come back however large they are", () => {
    const text = FastCheck.oneof(
      FastCheck.fullUnicodeString({ maxLength: 50 }),
      FastCheck.integer({ min: 90_000, max: 300_000 }).map((length) => "x".repeat(length))
    )
    FastCheck.assert(
      FastCheck.property(text, (text) => {
        const { json } = Effect.runSync(decode({ text }))
        assert.deepStrictEqual(JSON.parse(json), { count: "1", text })
      }),
      { numRuns: 30 }
    )
  })

  it.effect("that are wrong start nothing", () =>
    ran(Effect.gen(function*() {
      const error = yield* Effect.flip(repeat({ text: "a", count: "many" }))
      assert.deepInclude(error, { _tag: "ArgsInvalid" })
    })))
})

describe("the output", () => {
  const Dated = Schema.Struct({ at: Schema.Date, n: Schema.NumberFromString })
  const at = new Date("2026-05-28T14:32:01.000Z")
  const dated = Workflow.make({ name: "dated", output: Dated }, () => Effect.succeed({ at, n: 7 }))

  it.effect("is the value for the program and encoded for the store", () =>
    ran(Effect.gen(function*() {
      const result = yield* Workflow.start(dated, {})
      assert.deepStrictEqual(result.exit, Exit.succeed({ at, n: 7 }))
      assert.strictEqual(result.outputJson, `{"at":"2026-05-28T14:32:01.000Z","n":"7"}`)
    })))

  it.effect("without a schema is written as near to JSON as it comes", () =>
    ran(Effect.gen(function*() {
      const outputs: ReadonlyArray<readonly [unknown, string]> = [
        [undefined, "null"],
        [{ b: 1, a: undefined }, `{"b":1}`],
        [at, JSON.stringify(at)],
        [{ z: [1], a: "é" }, `{"a":"é","z":[1]}`],
        [{ n: 1n }, `{"n":"1"}`],
        [new Map([["a", 1]]), `{"a":1}`]
      ]
      for (const [value, json] of outputs) {
        const workflow = Workflow.make({ name: "any" }, () => Effect.succeed(value))
        assert.strictEqual((yield* Workflow.start(workflow, {})).outputJson, json)
      }
    })))

  it.effect("fails the run where JSON would lose something of it, and names each place", () =>
    ran(Effect.gen(function*() {
      const node: Record<string, unknown> = { name: "root" }
      node["children"] = [{ parent: node }]
      const outputs: ReadonlyArray<readonly [unknown, ReadonlyArray<readonly [string, string]>]> = [
        [node, [["$.children[0].parent", "a cycle: it contains itself"]]],
        [{ say: function say() {}, ok: [1, () => 2] }, [["$.say", "a function"], ["$.ok[1]", "a function"]]],
        [new Map([["a b", Symbol("s")]]), [["$[\"a b\"]", "a symbol"]]],
        [new Map<unknown, number>([[1, 1], ["1", 2]]), [["$", "two fields of the name 1"]]],
        [Uint8Array.of(1), [["$", "bytes"]]]
      ]
      for (const [value, places] of outputs) {
        const body = () => Effect.succeed(value)
        const open = Workflow.make({ name: "any", output: Schema.Unknown }, body)
        for (const workflow of [Workflow.make({ name: "any" }, body), open]) {
          const { exit, outputJson, status } = yield* Workflow.start(workflow, {})
          assert.deepStrictEqual([status, outputJson], ["failed", null])
          const error = yield* Effect.flip(exit)
          assert(error._tag === "OutputInvalid")
          assert.strictEqual(error.reason, "NotJson")
          assert.deepStrictEqual(error.issues, places.map(([path, message]) => ({ path, message })))
        }
      }
    })))

  it.effect("may hold results that failed, whatever their errors came of", () =>
    ran(Effect.gen(function*() {
      const cause: Record<string, unknown> = { name: "socket", close: () => {} }
      cause["self"] = cause
      const value = [{ ok: false, error: new Error("no", { cause }) }]
      const workflow = Workflow.make({ name: "any" }, () => Effect.succeed(value))
      const { outputJson, status } = yield* Workflow.start(workflow, {})
      assert.strictEqual(status, "done")
      assert.include(outputJson, "\"message\":\"no\"")
    })))

  it.effect("is stored whole, however large it is", () =>
    ran(Effect.gen(function*() {
      const rows = Array.from({ length: 20_000 }, (_, i) => ({ i, text: `row ${i} `.repeat(10) }))
      const long = "x".repeat(300_000)
      const large = Workflow.make({ name: "large" }, () => Effect.succeed({ long, rows }))
      const { outputJson } = yield* Workflow.start(large, {})
      assert.deepStrictEqual(JSON.parse(outputJson ?? ""), { long, rows })
      let deep: unknown = 1n
      for (let level = 0; level < 200; level++) deep = { deep }
      const near = Workflow.make({ name: "near" }, () => Effect.succeed({ long, rows, deep }))
      const stored = JSON.parse((yield* Workflow.start(near, {})).outputJson ?? "")
      assert.deepStrictEqual([stored.long, stored.rows], [long, rows])
      assert.notInclude(JSON.stringify(stored.deep), "Truncated")
    })))

  it.effect("that does not fit its schema fails the run, with every fault", () =>
    ran(Effect.gen(function*() {
      const Pair = Schema.Struct({ a: Schema.NonEmptyString, b: Schema.Int })
      const wrong = Workflow.make({ name: "wrong", output: Pair }, () => Effect.succeed({ a: "", b: 0.5 }))
      const error = yield* Effect.flip(wrong())
      assert.deepInclude(error, { _tag: "OutputInvalid", workflow: "wrong" })
      assert.deepStrictEqual(error._tag === "OutputInvalid" ? error.issues.map(({ path }) => path) : [], ["$.a", "$.b"])
    })))
})
