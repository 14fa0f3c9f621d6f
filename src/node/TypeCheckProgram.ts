/**
 * Checks the types of a workflow file with a TypeScript that is a program of its own, which 7 is: with its `tsc`.
 *
 * - T1. The program is given a project of its own in a temporary directory, which is gone afterwards.
 * - T2. It has two minutes, and may print 4 MiB.
 * - T3. What it prints is taken for what it found only where it is that; a file it did not look at is not a file that is
 *   right.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Subprocess from "../internal/subprocess/Subprocess.ts"
import * as TemporaryDirectory from "./TemporaryDirectory.ts"
import * as Project from "./TypeCheckProject.ts"
import * as Rules from "./TypeCheckRules.ts"

/**
 * A TypeScript's `tsc`.
 * @category models
 * @since 0.1.0
 */
export interface Program {
  readonly version: string
  /** A file for Node. */
  readonly tsc: string
}

/**
 * What came of a check with a program: what was found, or why the program is of no use.
 * @category models
 * @since 0.1.0
 */
export type Ran = Rules.Checked | { readonly _tag: "Unusable"; readonly reason: string }

/**
 * Checks a file, given by its absolute path.
 * @category running
 * @since 0.1.0
 */
export const check = (
  program: Program,
  file: string,
  { patience = defaultPatience }: { readonly patience?: Duration.Duration | undefined } = {}
): Effect.Effect<Ran, never, Subprocess.Subprocess> =>
  Effect.gen(function*() {
    const given = Rules.given(program.version, file)
    const prepared = yield* Effect.either(prepare(given))
    if (prepared._tag === "Left") return unusable(prepared.left)
    const project = prepared.right
    const first = yield* run(program, project.path)
    if (first._tag === "Unusable") return first
    const unknown = unknownTypes(first.lines)
    if (unknown.length === 0) return conclude(given, project.path, first)
    // with one missing it looks at no types at all, of which others may be there
    project.writeWithout(unknown)
    const second = yield* run(program, project.path)
    return second._tag === "Unusable" ? second : conclude(given, project.path, second)
  }).pipe(
    Effect.scoped,
    Effect.timeoutOption(patience),
    Effect.map(Option.getOrElse(() => unusable(`did not end within ${Duration.format(patience)}`)))
  )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const defaultPatience = Duration.minutes(2)

const maxOutputBytes = 4 * 1024 * 1024

interface Output {
  readonly _tag: "Output"
  readonly lines: ReadonlyArray<Line>
  readonly isCut: boolean
}

type Unusable = Extract<Ran, { readonly _tag: "Unusable" }>

const unusable = (reason: string): Unusable => ({ _tag: "Unusable", reason })

/** A directory for temporary files that is full, or is none, is no fault of the workflow's. */
const prepare = (given: Rules.Given) =>
  TemporaryDirectory.make("owf-types-").pipe(
    // the program names places from where it thinks it is
    Effect.map((directory) => Project.write(Fs.realpathSync(directory), given)),
    Effect.catchAllDefect((defect) => Effect.fail(`cannot be given a project: ${String(defect)}`))
  )

const run = Effect.fnUntraced(function*({ tsc }: Program, project: string) {
  const programs = yield* Subprocess.Subprocess
  const chunks: Array<Uint8Array> = []
  const ended = yield* Effect.either(programs.run(
    {
      program: process.execPath,
      args: [tsc, "--project", project, "--pretty", "false", "--locale", "en"],
      cwd: Path.dirname(project),
      environment: {},
      input: "",
      maxOutputBytes,
      grace: Duration.millis(500),
      linger: Duration.seconds(1)
    },
    (chunk) => Effect.sync(() => (chunks.push(chunk.slice()), "more" as const))
  ))
  if (ended._tag === "Left") return unusable(`cannot be started: ${ended.left.detail}`)
  const { code, endedBy, stderr } = ended.right
  const isCut = endedBy === "output"
  const lines = decode(Buffer.concat(chunks).toString("utf8"), Path.dirname(project))
  // 1 and 2 are said to have found something, which then is there
  const isUseful = isCut || (code === 0 ? lines.length === 0 : (code === 1 || code === 2) && lines.length > 0)
  return isUseful ? { _tag: "Output", lines, isCut } satisfies Output : unusable(`ended with ${said(code, stderr)}`)
})

const said = (code: number | null, stderr: string): string => {
  const line = stderr.split("\n").find((line) => /\bError: /.test(line))?.trim().slice(0, 300)
  return `exit code ${code ?? "none"}${line === undefined ? "" : `: ${line}`}`
}

/** What is said of a place, or of none. */
interface Line {
  readonly place: Pick<Rules.Diagnostic, "file" | "line" | "column"> | undefined
  readonly code: string
  readonly message: string
}

/** Errors as `path(line,column): error TS1234: text` or `error TS1234: text`; what follows one belongs to it. */
const decode = (text: string, directory: string): ReadonlyArray<Line> => {
  const found: Array<Line> = []
  for (const line of text.split(/\r?\n/)) {
    const [, path, row, column, code, message] = /^(?:(.+?)\((\d+),(\d+)\): )?error (TS\d+): (.*)$/.exec(line) ?? []
    const last = found.at(-1)
    if (code !== undefined && message !== undefined) {
      const place = path === undefined
        ? undefined
        : { file: Path.resolve(directory, path), line: Number(row), column: Number(column) }
      found.push({ place, code, message })
    } else if (line !== "" && last !== undefined) {
      found[found.length - 1] = { ...last, message: `${last.message}\n${line}` }
    }
  }
  return found
}

const unknownTypes = (lines: ReadonlyArray<Line>): ReadonlyArray<string> =>
  lines.flatMap(({ code, message }) => code === "TS2688" ? (/'([^']+)'/.exec(message)?.[1] ?? []) : [])

const conclude = (given: Rules.Given, project: string, { isCut, lines }: Output): Rules.Checked => {
  const errors = lines.flatMap(({ place, ...rest }) =>
    place === undefined || !Rules.isUsers(place.file) ? [] : [{ ...place, ...rest }]
  )
  // before it looks at types it looks at the options, and at nothing more where they do not fit
  const first = lines.find(({ place }) => place === undefined || place.file === project)
  return errors.length === 0 && first !== undefined
    ? Rules.unchecked(
      `typescript ${given.version} does not take the project's configuration: ${first.code}: ${first.message}`
    )
    : Rules.checked(given, errors, isCut ? ["more was found than is shown"] : [])
}
