import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import * as WorkflowArgs from "../../src/cli/WorkflowArgs.ts"
import * as WorkflowView from "../../src/cli/WorkflowView.ts"
import type { Json } from "../../src/graph/Flow.ts"
import * as FlowArgs from "../../src/graph/FlowArgs.ts"
import * as FlowType from "../../src/graph/FlowType.ts"
import * as Lab from "./flowLab.ts"

const typed = (name: string, type: string, value?: Json) => {
  const schema = Either.getOrThrow(FlowType.parse(type))
  return Lab.variable(name, value ?? null, { schema, isRequired: value === undefined })
}

const variables = [
  typed("files", "list<string>", ["a.md"]),
  typed("audience", "enum(users, \"the authors\")"),
  typed("level", "enum(1, 2)", 1),
  typed("many", "int", 3),
  typed("owner", "string | null", "me"),
  typed("settings", "{deep: bool, name?: string}", { deep: true }),
  Lab.variable("note", "x")
]

const schema = FlowArgs.schema(variables)

const shown = () => {
  const { workflow } = WorkflowView.toJson({ path: "/f.yaml", sha256: "0" }, { name: "f", args: schema })
  return Schema.decodeUnknownSync(Schema.Struct({ args: Schema.Struct({ properties: Schema.Object }) }))(workflow)
    .args.properties
}

const given = (...pairs: ReadonlyArray<string>) =>
  Either.mapLeft(WorkflowArgs.read(schema, undefined, pairs), ({ message }) => message)

const refusal = (args: unknown) => Effect.map(Effect.flip(Schema.decodeUnknown(schema)(args)), ({ message }) => message)

describe("the arguments of a graph", () => {
  it("are shown with the types, choices and values they are written with", () => {
    assert.deepStrictEqual(shown(), {
      files: { type: "array", items: { type: "string" }, default: ["a.md"] },
      audience: { type: "string", enum: ["users", "the authors"] },
      level: { type: "number", enum: [1, 2], default: 1 },
      many: { type: "integer", default: 3 },
      owner: { anyOf: [{ type: "string" }, { type: "null" }], default: "me" },
      settings: {
        type: "object",
        properties: { deep: { type: "boolean" }, name: { type: "string" } },
        required: ["deep"],
        default: { deep: true }
      },
      note: { default: "x" }
    })
  })

  it("read texts of the command line by their type, and name what they take instead of another one", () => {
    assert.deepStrictEqual(
      given(
        "audience=users",
        "files=[\"b\"]",
        "level=2",
        "many=4",
        "owner=you",
        "note=free",
        "settings={\"deep\":false}"
      ),
      Either.right({
        audience: "users",
        files: ["b"],
        level: 2,
        many: 4,
        owner: "you",
        note: "free",
        settings: { deep: false }
      })
    )
    assert.include(String(Either.getLeft(given("audience=user"))), "Did you mean users")
    assert.include(String(Either.getLeft(given("files=b"))), "a JSON array")
    assert.include(String(Either.getLeft(given("level=3"))), "1 or 2")
  })

  it.effect("are checked against the whole of their types, and left out get their values", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* Schema.decodeUnknown(schema)({ audience: "users" }), {
        files: ["a.md"],
        audience: "users",
        level: 1,
        many: 3,
        owner: "me",
        settings: { deep: true },
        note: "x"
      })
      assert.include(yield* refusal({}), "audience")
      assert.include(yield* refusal({ audience: "nobody" }), "\"users\", \"the authors\"")
      assert.include(yield* refusal({ audience: "users", files: [1] }), "[0]")
      assert.include(yield* refusal({ audience: "users", many: 1.5 }), "integer")
      assert.include(yield* refusal({ audience: "users", settings: {} }), "deep")
    }))
})
