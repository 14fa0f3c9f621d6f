/**
 * The files a graph names: whether they can be used, what prompts say, and the digest of all of them.
 *
 * - F1. A prompt is sent to a provider, so a relative path stays in the directory of the graph, links followed. Scripts
 *   and workflows may be anywhere.
 * - F2. What a prompt includes is looked for in the directory of the graph, and beside a prompt that is named by an
 *   absolute path.
 * - F3. A script can be started: there is a program for its ending, or it is executable and says what runs it.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as Option from "effect/Option"
import * as sha256 from "../internal/sha256.ts"
import type { Position, Template } from "./Flow.ts"
import type { FileReference } from "./FlowDraft.ts"
import type { Problem } from "./FlowError.ts"
import * as FlowError from "./FlowError.ts"
import * as FlowText from "./FlowText.ts"
import * as Templates from "./Template.ts"

/**
 * What a prompt of a file says.
 * @category models
 * @since 0.1.0
 */
export interface PromptText {
  readonly template: Template
  readonly includes: ReadonlyMap<string, Template>
}

/**
 * The files of a graph.
 * @category models
 * @since 0.1.0
 */
export interface Files {
  /** By absolute path. */
  readonly prompts: ReadonlyMap<string, PromptText>
  /** Digests of all files, by absolute path. */
  readonly digests: ReadonlyMap<string, string>
  readonly problems: ReadonlyArray<Problem>
}

/**
 * Reads the prompts and looks at the scripts of a graph.
 * @category running
 * @since 0.1.0
 */
export const read = (
  references: ReadonlyArray<FileReference>,
  directory: string
): Effect.Effect<Files, never, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const state: State = { fs, path, directory, prompts: new Map(), digests: new Map(), problems: [] }
    for (const reference of references) {
      if (reference.kind === "prompt") yield* readPrompt(state, reference)
      else if (reference.kind === "script") yield* readScript(state, reference)
    }
    return state
  })

/**
 * The bytes of a file, or why there are none.
 * @category running
 * @since 0.1.0
 */
export const bytesOf = (
  file: string,
  most: number
): Effect.Effect<{ readonly bytes: Uint8Array; readonly mode: number }, string, FileSystem.FileSystem> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const info = yield* Effect.mapError(fs.stat(file), (error) => explain(error))
    if (info.type === "Directory") return yield* Effect.fail("is a directory")
    if (info.type !== "File") return yield* Effect.fail("is no regular file")
    if (info.size > BigInt(most)) return yield* Effect.fail(`has ${info.size} bytes; the most is ${most}`)
    const bytes = yield* Effect.mapError(fs.readFile(file), (error) => explain(error))
    return { bytes, mode: info.mode }
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface State {
  readonly fs: FileSystem.FileSystem
  readonly path: Path.Path
  readonly directory: string
  readonly prompts: Map<string, PromptText>
  readonly digests: Map<string, string>
  readonly problems: Array<Problem>
}

const maxPromptBytes = 1_048_576
const maxScriptBytes = 134_217_728
const maxIncludes = 100

const explain = (error: { readonly _tag: string; readonly reason?: string; readonly message: string }): string =>
  error.reason === "NotFound"
    ? "is not there"
    : error.reason === "PermissionDenied"
    ? "may not be read"
    : `cannot be read (${error.message})`

const provided = <A, E>({ fs }: State, effect: Effect.Effect<A, E, FileSystem.FileSystem>): Effect.Effect<A, E> =>
  Effect.provideService(effect, FileSystem.FileSystem, fs)

const readPrompt = (state: State, reference: FileReference): Effect.Effect<void> =>
  Effect.gen(function*() {
    const { at, path, written } = reference
    const isFree = state.path.isAbsolute(written)
    const root = isFree ? state.path.dirname(path) : state.directory
    const what = `the prompt '${written}'`
    if (!(yield* isAllowed(state, path, isFree, at, what))) return
    if (state.prompts.has(path)) return
    const text = yield* readText(state, path, at, what)
    if (text === null) return
    const template = { source: text, at: { file: path, line: 1, column: 1 } }
    state.prompts.set(path, { template, includes: yield* readIncludes(state, template, root, isFree) })
  })

/** Whether a prompt may be read from where it is. */
const isAllowed = (state: State, file: string, isFree: boolean, at: Position, what: string): Effect.Effect<boolean> =>
  Effect.gen(function*() {
    if (isFree) return true
    const home = yield* Effect.orElseSucceed(state.fs.realPath(state.directory), () => state.directory)
    const real = yield* Effect.option(state.fs.realPath(file))
    const isWithin = isInside(state, state.directory, file) &&
      (Option.isNone(real) || isInside(state, home, real.value))
    if (isWithin) return true
    const why = isInside(state, state.directory, file) ? "is a link out of" : "is outside of"
    const advice = "Prompts are sent to providers: move the file there, or write its absolute path if that is meant."
    state.problems.push(FlowError.error(at, `${what} ${why} the directory of the graph`, advice))
    return false
  })

const isInside = ({ path }: State, directory: string, file: string): boolean => {
  const way = path.relative(directory, file)
  return way !== "" && way !== ".." && !way.startsWith(`..${path.sep}`) && !path.isAbsolute(way)
}

const readText = (state: State, file: string, at: Position, what: string): Effect.Effect<string | null> =>
  Effect.gen(function*() {
    const read = yield* Effect.either(provided(state, bytesOf(file, maxPromptBytes)))
    if (Either.isLeft(read)) {
      const names = read.left === "is not there" ? yield* neighbours(state, file) : null
      state.problems.push(FlowError.error(at, `${what} ${read.left}`, names))
      return null
    }
    const text = FlowText.decode(file, read.right.bytes, maxPromptBytes)
    if (Either.isLeft(text)) {
      state.problems.push(text.left)
      return null
    }
    state.digests.set(file, sha256.hex(text.right))
    return text.right
  })

/** What is there instead of a file, when there is not much. */
const neighbours = (state: State, file: string): Effect.Effect<string | null> =>
  Effect.map(
    Effect.orElseSucceed(state.fs.readDirectory(state.path.dirname(file)), () => null),
    (names) => {
      if (names === null) return "Its directory is not there either."
      const found = names.toSorted().slice(0, 5).join(", ")
      return found === "" ? "Its directory is empty." : `Beside it are ${found}${names.length > 5 ? ", …" : ""}.`
    }
  )

const readIncludes = (
  state: State,
  prompt: Template,
  root: string,
  isFree: boolean
): Effect.Effect<ReadonlyMap<string, Template>> =>
  Effect.gen(function*() {
    const includes = new Map<string, Template>()
    const pending = [prompt]
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      // what is no template is told where its names are looked up
      const mentions = Either.match(Templates.compile(next), { onLeft: () => [], onRight: ({ includes }) => includes })
      for (const { at, name } of mentions) {
        if (includes.has(name)) continue
        if (includes.size === maxIncludes) {
          state.problems.push(FlowError.error(at, `more than ${maxIncludes} texts are included`))
          return includes
        }
        const file = state.path.resolve(root, name)
        const what = `the included '${name}'`
        const isThere = isFree ? isInside(state, root, file) : yield* isAllowed(state, file, false, at, what)
        if (isFree && !isThere) {
          state.problems.push(FlowError.error(at, `${what} is outside of the directory of its prompt`))
        }
        const text = isThere ? yield* readText(state, file, at, what) : null
        const template = { source: text ?? "", at: { file, line: 1, column: 1 } }
        includes.set(name, template)
        pending.push(template)
      }
    }
    return includes
  })

const readScript = (state: State, { at, path, written }: FileReference): Effect.Effect<void> =>
  Effect.gen(function*() {
    const read = yield* Effect.either(provided(state, bytesOf(path, maxScriptBytes)))
    const what = `the script '${written}'`
    if (Either.isLeft(read)) {
      const names = read.left === "is not there" ? yield* neighbours(state, path) : null
      state.problems.push(FlowError.error(at, `${what} ${read.left}`, names))
      return
    }
    const { bytes, mode } = read.right
    state.digests.set(path, sha256.hex(Encoding.encodeBase64(bytes)))
    state.problems.push(
      ...checkScript(path, bytes, mode).map((fault) =>
        fault.isError
          ? FlowError.error(at, `${what} ${fault.detail}`, fault.advice)
          : FlowError.warning(at, `${what} ${fault.detail}`, fault.advice)
      )
    )
  })

/** Endings that a program is known for, whatever the file's mode. */
const runners: ReadonlySet<string> = new Set([".py", ".sh", ".bash", ".js", ".mjs", ".cjs", ".ts", ".mts"])

interface ScriptFault {
  readonly isError: boolean
  readonly detail: string
  readonly advice: string
}

const checkScript = (file: string, bytes: Uint8Array, mode: number): ReadonlyArray<ScriptFault> => {
  const ending = /\.[^./\\]+$/.exec(file)?.[0] ?? ""
  const isRun = runners.has(ending)
  if (bytes.length === 0) return [{ isError: !isRun, detail: "is empty", advice: "Nothing happens when it runs." }]
  const head = new TextDecoder("latin1").decode(bytes.subarray(0, 256))
  const hasCarriageReturn = /^#![^\n]*\r\n/.test(head)
  if (!isRun && (mode & 0o111) === 0) {
    const why = ending === "" ? "is not executable" : `is not executable, and no program is known for '${ending}'`
    return [{
      isError: true,
      detail: why,
      advice: `Make it so with chmod +x, or end it in one of ${[...runners].join(" ")}.`
    }]
  }
  if (hasCarriageReturn) {
    const advice = "Save it with Unix line ends."
    return [{ isError: !isRun, detail: "begins with a line that ends in CR LF, as Windows writes it", advice }]
  }
  return isRun || /^(?:#!|\u007fELF|MZ|\u00cf\u00fa\u00ed\u00fe|\u00ca\u00fe\u00ba\u00be)/.test(head) ? [] : [{
    isError: true,
    detail: "does not say what runs it",
    advice: "Begin it with a line such as #!/bin/sh."
  }]
}
