/**
 * `owf new PATH`: writes a workflow to start from.
 */
import type { PlatformError } from "@effect/platform/Error"
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Nearest from "../../internal/nearest.ts"
import * as Flag from "../Flag.ts"
import * as Format from "../Format.ts"
import { Host } from "../Host.ts"
import { note, print, printJson } from "../Output.ts"
import * as Spec from "../Spec.ts"
import type { Template } from "../templates.ts"
import * as Templates from "../templates.ts"
import type { UsageError } from "../UsageError.ts"
import * as Usage from "../UsageError.ts"
import { reading } from "./shared.ts"

/**
 * Writes a workflow to start from.
 * @category constructors
 * @since 0.1.0
 */
export const newCommand = Spec.make({
  name: "new",
  summary: "Write a workflow to start from",
  details: "It runs as it is, offline and without a key. A file that exists is not replaced.",
  positional: { name: "path", description: "The .ts file to write, or the .yaml file of a graph", optional: true },
  examples: [
    "owf new flow.ts",
    "owf new flows/review.ts --template review-panel",
    "owf new flow.yaml",
    "owf new --list"
  ],
  flags: {
    template: Flag.text("template", "NAME", "What to start from (default: hello, for a .yaml file graph)"),
    list: Flag.flag("list", "List the templates and write nothing"),
    force: Flag.flag("force", "Replace a file that exists"),
    ...reading
  }
}, (options, file) =>
  Effect.gen(function*() {
    const { json, list } = options
    if (list) {
      if (json) return yield* printJson(listed)
      yield* print(Format.table([["template", "language", "what it shows"], ...listed.map(Object.values)]))
      return yield* note("write one with: owf new flow.ts --template NAME, or flow.yaml for a graph")
    }
    if (file === "") return yield* Usage.make("There is no path to write to.", "Such as: owf new flow.ts")
    const { path, template } = yield* write(file, options)
    const { shown } = yield* Host
    if (json) return yield* printJson({ path, template })
    yield* print(shown(path))
    yield* note(`look at it with: owf dry-run ${shown(path)}\nrun it with: owf run ${shown(path)}`)
  }))

/**
 * Writes a template to a file and gives its absolute path.
 * @category running
 * @since 0.1.0
 */
export const write = Effect.fn("newCommand.write")(function*(
  file: string,
  options: { readonly template: string | undefined; readonly force: boolean }
) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const target = path.resolve(file)
  const extension = path.extname(target)
  const template = yield* templateFor(file, extension, options.template)
  const text = template.text(Templates.nameOf(path.basename(target, extension)))
  yield* Effect.mapError(
    Effect.zipRight(
      fs.makeDirectory(path.dirname(target), { recursive: true }),
      fs.writeFileString(target, text, { flag: options.force ? "w" : "wx" })
    ),
    (error) => unwritten(file, error)
  )
  return { path: target, template: template.name }
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const listed = Templates.templates.map(({ language, name, title }) => ({
  name,
  language: language === "yaml" ? "YAML" : "TypeScript",
  title
}))

const templateFor = (
  file: string,
  extension: string,
  name: string | undefined
): Effect.Effect<Template, UsageError> => {
  const template = Templates.find(name, extension)
  const names = Templates.templates.map((one) => one.name)
  if (template === undefined) {
    return name === undefined
      ? Usage.make(
        `${file} is neither a TypeScript file nor a graph.`,
        `Name it ${file.slice(0, file.length - extension.length)}.ts, or .yaml for a graph.`
      )
      : Usage.make(
        `There is no template '${Format.clip(name, 80)}'.${Nearest.suggestion(name, names)}`,
        `There are ${names.join(", ")}.`
      )
  }
  const accepted = Templates.extensions[template.language]
  return accepted.includes(extension) ? Effect.succeed(template) : Usage.make(
    `The template ${template.name} is for files that end in ${accepted.join(" or ")}.`,
    `Name the file ${file.slice(0, file.length - extension.length)}${accepted[0]}.`
  )
}

const unwritten = (file: string, error: PlatformError): UsageError =>
  error._tag === "SystemError" && error.reason === "AlreadyExists"
    ? Usage.make(`${file} already exists.`, "Choose another name, or replace it with --force.")
    : Usage.make(`${file} cannot be written: ${error.message}`)
