/**
 * Loads the file a user names on the command line and makes sure that it holds a workflow.
 *
 * - W1. Whatever is wrong with the file is a `WorkflowFileError` that says what to change; loading never dies.
 * - W2. The file is imported once per process, as Node does; its top level runs with the user's rights.
 *
 * TypeScript needs `Loader.register` of `src/node` to have run before.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Sha256 from "../internal/sha256.ts"
import * as ThrownAt from "./ThrownAt.ts"

/**
 * A workflow and the file it was loaded from.
 * @category models
 * @since 0.1.0
 */
export interface LoadedWorkflow<W> {
  readonly workflow: W
  /** Absolute path of the file. */
  readonly path: string
  /** Digest of the file's text; imported files are not part of it. */
  readonly sha256: string
}

/**
 * Why a workflow file cannot be used.
 * @category errors
 * @since 0.1.0
 */
export class WorkflowFileError
  extends Schema.TaggedError<WorkflowFileError>("owf/cli/WorkflowFile/WorkflowFileError")("WorkflowFileError", {
    reason: Schema.Literal(
      "NotFound",
      "NotAFile",
      "UnsupportedExtension",
      "SyntaxError",
      "ImportFailed",
      "NoDefaultExport",
      "NotAWorkflow",
      "EffectVersion"
    ),
    path: Schema.String,
    detail: Schema.String,
    cause: Schema.optional(Schema.Defect)
  })
{
  override get message(): string {
    return `${this.path}: ${this.detail}`
  }
}

/**
 * Whether a file holds a graph, by its name.
 * @category predicates
 * @since 0.1.0
 */
export const isFlowFile = (file: string): boolean => /\.ya?ml$/i.test(file)

/**
 * Loads the workflow that a file exports by default.
 * @category running
 * @since 0.1.0
 */
export const load = Effect.fn("WorkflowFile.load")(function*<W>(
  file: string,
  isWorkflow: (value: unknown) => value is W
) {
  const path = (yield* Path.Path).resolve(file)
  const text = yield* readScript(path)
  const newEffect = yield* dependsOnNewEffect(path)
  if (newEffect && importsEffect(text)) return yield* effectVersion(path)

  const exports = yield* importModule(path).pipe(
    Effect.mapError((error) => newEffect && error.reason === "ImportFailed" ? effectVersion(path, error.cause) : error)
  )
  if (!("default" in exports)) {
    return yield* new WorkflowFileError({
      reason: "NoDefaultExport",
      path,
      detail: missingDefault(exports, isWorkflow)
    })
  }
  const workflow = exports["default"]
  if (isWorkflow(workflow)) return { workflow, path, sha256: Sha256.hex(text) } satisfies LoadedWorkflow<W>
  if (isNewEffect(workflow)) return yield* effectVersion(path)
  return yield* new WorkflowFileError({
    reason: "NotAWorkflow",
    path,
    detail: `the default export is ${describe(workflow)}, not a workflow; export what Workflow.make returns`
  })
})

// -----------------------------------------------------------------------------
// reading and importing
// -----------------------------------------------------------------------------

const supported = [".ts", ".mts", ".js", ".mjs"]

const readScript = Effect.fnUntraced(function*(path: string) {
  const fs = yield* FileSystem.FileSystem
  const info = yield* fs.stat(path).pipe(
    Effect.mapError((cause) =>
      new WorkflowFileError({ reason: "NotFound", path, detail: unreadable(cause._tag, cause.message), cause })
    )
  )
  if (info.type !== "File") {
    const detail = info.type === "Directory" ? "is a directory; name a workflow file in it" : "is not a regular file"
    return yield* new WorkflowFileError({ reason: "NotAFile", path, detail })
  }
  const extension = (yield* Path.Path).extname(path)
  if (!supported.includes(extension)) {
    const kind = extension === "" ? "files without an extension are" : `${extension} files are`
    const detail = `${kind} unsupported as workflow scripts; use one of ${supported.join(", ")}, or .yaml for a graph`
    return yield* new WorkflowFileError({ reason: "UnsupportedExtension", path, detail })
  }
  return yield* fs.readFileString(path).pipe(
    Effect.mapError((cause) => new WorkflowFileError({ reason: "NotAFile", path, detail: cause.message, cause }))
  )
})

const unreadable = (tag: string, message: string): string =>
  tag === "SystemError" && /ENOENT|NotFound/.test(message) ? "there is no such file" : message

const importModule = Effect.fnUntraced(function*(path: string) {
  const url = yield* (yield* Path.Path).toFileUrl(path).pipe(Effect.orDie)
  return yield* Effect.tryPromise({
    try: (): Promise<Readonly<Record<string, unknown>>> => import(/* @vite-ignore */ url.href),
    catch: (cause) =>
      isSyntaxError(cause)
        ? new WorkflowFileError({ reason: "SyntaxError", path, detail: cause.message, cause })
        : new WorkflowFileError({ reason: "ImportFailed", path, detail: whyImportFailed(cause), cause })
  })
})

// an error of the parser, not one a script throws itself, such as that of JSON.parse
const isSyntaxError = (cause: unknown): cause is SyntaxError =>
  cause instanceof SyntaxError &&
  (("code" in cause && cause.code === "OWF_SYNTAX") ||
    /\bat (?:compileSourceTextModule|wrapSafe)\b/.test(cause.stack ?? ""))

const whyImportFailed = (cause: unknown): string => {
  if (!(cause instanceof Error)) return `importing it threw ${describe(cause)}`
  const place = ThrownAt.placeOf(cause)
  const message = `importing it failed: ${cause.name}: ${cause.message}`
  return place === undefined || "code" in cause ? message : `${message} (${place})`
}

const missingDefault = (exports: object, isWorkflow: (value: unknown) => boolean): string => {
  const named = Object.entries(exports).find(([, value]) => isWorkflow(value))?.[0]
  return named === undefined
    ? "has no default export; a workflow file ends in `export default Workflow.make(…)`"
    : `has no default export; \`${named}\` is a workflow: export it as the default`
}

const describe = (value: unknown): string => {
  if (value === null || value === undefined) return String(value)
  if (typeof value === "function") return value.name === "" ? "a function" : `the function ${value.name}`
  if (Array.isArray(value)) return "an array"
  return typeof value === "object" ? "an object" : `the ${typeof value} ${String(value).slice(0, 40)}`
}

// -----------------------------------------------------------------------------
// Effect 4
// -----------------------------------------------------------------------------

const effectVersion = (path: string, cause?: unknown): WorkflowFileError =>
  new WorkflowFileError({
    reason: "EffectVersion",
    path,
    detail: "this script imports effect 4; owf needs effect ^3.22",
    ...(cause === undefined ? {} : { cause })
  })

const importsEffect = (text: string): boolean => /\b(?:from|import)\s*\(?\s*["']effect(?:\/[^"']*)?["']/.test(text)

// Effect 4 marks its values with string keys, Effect 3 with symbols
const isNewEffect = (value: unknown): boolean => {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return false
  for (let object: unknown = value; object !== null && object !== undefined; object = Object.getPrototypeOf(object)) {
    if (Object.getOwnPropertyNames(object).some((key) => key.startsWith("~effect/"))) return true
  }
  return false
}

const Dependencies = Schema.optional(Schema.Record({ key: Schema.String, value: Schema.Unknown }))

const Manifest = Schema.parseJson(Schema.Struct({
  version: Schema.optional(Schema.String),
  dependencies: Dependencies,
  devDependencies: Dependencies,
  peerDependencies: Dependencies
}))

const dependsOnNewEffect = Effect.fnUntraced(function*(path: string) {
  const manifest = yield* nearest(path, "package.json")
  const range = manifest?.dependencies?.["effect"] ?? manifest?.peerDependencies?.["effect"] ??
    manifest?.devDependencies?.["effect"]
  if (range === undefined) return false
  const major = majorOf(String(range)) ?? majorOf((yield* nearest(path, "node_modules/effect/package.json"))?.version)
  return major !== undefined && major >= 4
})

const majorOf = (range: string | undefined): number | undefined => {
  const digits = /^[\^~>=v\s]*(\d+)/.exec(range ?? "")?.[1]
  return digits === undefined ? undefined : Number(digits)
}

/** The manifest in the closest folder above a file that has one; an unreadable one counts as none. */
const nearest = Effect.fnUntraced(function*(file: string, name: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  for (let folder = path.dirname(file);; folder = path.dirname(folder)) {
    const text = yield* Effect.option(fs.readFileString(path.join(folder, name)))
    if (text._tag === "Some") {
      const decoded = yield* Effect.option(Schema.decode(Manifest)(text.value))
      return decoded._tag === "Some" ? decoded.value : undefined
    }
    if (path.dirname(folder) === folder) return undefined
  }
})
