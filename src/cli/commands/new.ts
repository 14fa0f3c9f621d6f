/**
 * `owf new PATH`: writes a workflow to start from.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Flag from "../Flag.ts"
import { Host } from "../Host.ts"
import { note, print, printJson } from "../Output.ts"
import * as Spec from "../Spec.ts"
import * as Usage from "../UsageError.ts"
import { reading } from "./shared.ts"
import { starter } from "./starter.ts"

/**
 * Writes a workflow to start from.
 * @category constructors
 * @since 0.1.0
 */
export const newCommand = Spec.make({
  name: "new",
  summary: "Write a workflow to start from",
  details: "It runs as it is, offline and without a key.",
  positional: { name: "path", description: "The .ts file to write" },
  examples: ["owf new flow.ts", "owf new flows/review.ts --force"],
  flags: { force: Flag.flag("force", "Replace a file that exists"), ...reading }
}, ({ force, json }, file) =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const { shown } = yield* Host
    const target = path.resolve(file)
    if (path.extname(target) !== ".ts" && path.extname(target) !== ".mts") {
      return yield* Usage.make(
        `${file} is not a TypeScript file.`,
        `Name it ${path.basename(file, path.extname(file))}.ts.`
      )
    }
    const write = Effect.zipRight(
      fs.makeDirectory(path.dirname(target), { recursive: true }),
      fs.writeFileString(target, starter(path.basename(target, path.extname(target))), { flag: force ? "w" : "wx" })
    )
    yield* Effect.mapError(write, (error) =>
      error._tag === "SystemError" && error.reason === "AlreadyExists"
        ? Usage.make(`${file} already exists.`, "Choose another name, or replace it with --force.")
        : Usage.make(`${file} cannot be written: ${error.message}`))
    yield* json ? printJson({ path: target }) : print(shown(target))
    yield* note(`Run it with: owf run ${shown(target)}`)
  }))
