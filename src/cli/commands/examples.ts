/**
 * `owf examples`: lists the workflows that come with the package.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Format from "../Format.ts"
import { Host } from "../Host.ts"
import { note, print, printJson } from "../Output.ts"
import * as Spec from "../Spec.ts"
import { reading } from "./shared.ts"

/**
 * Lists the workflows that come with the package.
 * @category constructors
 * @since 0.1.0
 */
export const examples = Spec.make({
  name: "examples",
  summary: "List the examples that come with owf",
  examples: ["owf examples", "owf examples --json"],
  flags: reading
}, ({ json }) =>
  Effect.gen(function*() {
    const found = yield* list
    if (json) return yield* printJson(found)
    if (found.length === 0) return yield* note("No examples are installed with this copy of owf.")
    yield* print(Format.table(found.map(({ run, title }) => [run, title])))
  }))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const list = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const host = yield* Host
  const names = yield* Effect.orElseSucceed(fs.readDirectory(host.examples, { recursive: true }), () => [])
  const files = names.filter((name) => /\.m?ts$/.test(name) && !/\.d\.m?ts$/.test(name)).toSorted()
  const found = yield* Effect.forEach(files, (name) => {
    const file = path.join(host.examples, name)
    return Effect.map(Effect.option(fs.readFileString(file)), (text) =>
      Option.match(text, {
        onNone: () => [],
        onSome: (text) =>
          /export default\b/.test(text)
            ? [{
              name: name.replace(/\.m?ts$/, ""),
              title: titleOf(text),
              path: file,
              run: `owf run ${host.shown(file)}`
            }]
            : []
      }))
  })
  return found.flat()
})

/** The first sentence of the comment a file begins with. */
const titleOf = (text: string): string => {
  const comment = /^\s*\/\*\*([\s\S]*?)\*\//.exec(text)?.[1] ?? ""
  const words = comment.split("\n").map((line) => line.replace(/^\s*\*?\s?/, "")).join(" ").trim()
  return /^.*?[.:](?=\s|$)/.exec(words)?.[0].replace(/[.:]$/, "") ?? words
}
