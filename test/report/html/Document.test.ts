import { assert, describe, it } from "@effect/vitest"
import { decode } from "../../../src/report/viewer/Document.ts"
import { audit } from "./audit.ts"

type Path = ReadonlyArray<string>

/** Every place of a value below which nothing is named by users, one for each field of the model. */
function* places(value: unknown, path: Path = []): Generator<Path> {
  if (typeof value !== "object" || value === null || namedByOthers.has(path.at(-1) ?? "")) return
  for (const [name, inner] of Object.entries(value)) {
    yield [...path, name]
    yield* places(inner, [...path, name])
  }
}

const namedByOthers = new Set(["options", "byStatus", "byCache"])

/** The model's field a place stands for, its lists' entries taken together. */
const fieldOf = (path: Path): string => path.map((name) => (/^\d+$/.test(name) ? "*" : name)).join(".")

/** Only those that have a field none before them has, so that the model is whole and small. */
const telling = <A>(values: ReadonlyArray<A>): ReadonlyArray<A> => {
  const known = new Set<string>()
  return values.filter((value) => {
    const before = known.size
    for (const path of places(value)) known.add(fieldOf(path))
    return known.size > before
  })
}

const report = { ...audit, calls: telling(audit.calls), events: telling(audit.events) }

const inside = (value: unknown, path: Path): unknown =>
  path.reduce((inside, name) => new Map(Object.entries(Object(inside))).get(name), value)

/** The report as a text, with another value in one place; undefined takes the place away. */
const changed = (path: Path, other: unknown): string => {
  const copy = structuredClone(report)
  Object.assign(Object(inside(copy, path.slice(0, -1))), { [path.at(-1) ?? ""]: other })
  return JSON.stringify(copy)
}

const fields = new Map([...places(report)].map((path) => [fieldOf(path), path]))

describe("the data in the HTML report", () => {
  it("is read as it was written", () => {
    for (const one of [audit, report]) {
      assert.isTrue(JSON.stringify(decode(JSON.stringify(one))) === JSON.stringify(one))
    }
    assert.isAbove(fields.size, 150)
  })

  it("is refused where any of its fields has a value of another kind", () => {
    for (const [field, path] of fields) {
      for (const other of [{ other: true }, -0.5, "another word"]) {
        const was = inside(report, path)
        if (was === null || typeof other === typeof was) continue
        assert.isTrue(decode(changed(path, other)) === undefined, `${field}: ${JSON.stringify(other)}`)
      }
    }
  })

  it("is refused where a field is missing", () => {
    for (const [field, path] of fields) {
      if (!field.endsWith("*")) assert.isTrue(decode(changed(path, undefined)) === undefined, field)
    }
  })

  it("is refused where a word is none of those that are known, or the version is another one", () => {
    const words = [["run", "status"], ["calls", "0", "status"], ["calls", "0", "cacheStatus"], ["run", "cachePolicy"]]
    for (const path of words) assert.isTrue(decode(changed(path, "toString")) === undefined, path.join("."))
    for (const version of [0, 2, "1", null]) {
      assert.isTrue(decode(changed(["version"], version)) === undefined, `${version}`)
    }
  })

  it("is refused where the text was cut, or is something else", () => {
    const whole = JSON.stringify(report)
    for (const text of ["", "null", "[]", "{}", whole.slice(0, -1), whole.slice(0, 5000), `${whole}}`]) {
      assert.isUndefined(decode(text), text.slice(0, 20))
    }
  })
})
