/**
 * The files and homes a client may name, looked up on the disk.
 *
 * - P1. A path is taken as what it leads to, links resolved, also those of directories above a file that is to be made;
 *   a link that leads nowhere is refused.
 * - P2. It has to lie in a root, or for a home be one of those that are allowed. What lies outside is refused in the same
 *   words whether it is there or not.
 * - P3. A home's record and its runs are the home's own: no links, and neither is the directory of a run that is read from
 *   or written to. A file of a run is read only when no link is on the way to it, it is a file and has no other name.
 */
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import * as SystemError from "../../internal/systemError.ts"
import type { NewFile, Piece } from "../../mcp/Host.ts"
import * as Problem from "../../mcp/Problem.ts"
import * as Home from "../Home.ts"

/**
 * What a server allows.
 * @category models
 * @since 0.1.0
 */
export interface Allowed {
  /** Real paths of directories; paths that are not absolute begin at the first. */
  readonly roots: readonly [string, ...Array<string>]
  /** Homes beside those in the roots. */
  readonly homes: ReadonlyArray<string>
  /** The home of who names none. */
  readonly home: string
}

/**
 * What a server that is started with these directories allows.
 * @category constructors
 * @since 0.1.0
 */
export const allow = (
  asked: { readonly roots: ReadonlyArray<string>; readonly homes: ReadonlyArray<string> },
  cwd: string,
  fromEnvironment: string | undefined
): Effect.Effect<Allowed, Problem.Problem> =>
  attempt(() => {
    const [first = cwd, ...rest] = asked.roots
    const homes = asked.homes.map((home) => resolved(home, cwd))
    const own = homes[0] ?? Home.resolve(undefined, fromEnvironment, cwd)
    return {
      roots: [directory(first, cwd), ...rest.map((root) => directory(root, cwd))] as const,
      homes: homes.length > 0 ? homes.map(locate) : isLink(own) ? [] : [locate(own)],
      home: own
    }
  })

/**
 * A file that is there.
 * @category running
 * @since 0.1.0
 */
export const file = (allowed: Allowed, path: string): Effect.Effect<string, Problem.Problem> =>
  attempt(() => {
    const real = inRoots(allowed, path)
    const found = Fs.statSync(real, { throwIfNoEntry: false })
    if (found === undefined) {
      throw Problem.make("NotFound", `There is no file ${path}.`, "owf_new_workflow writes a workflow to start from.")
    }
    if (!found.isFile()) throw Problem.make("NotFound", `${path} is not a file.`)
    return real
  })

/**
 * A file that is to be written.
 * @category running
 * @since 0.1.0
 */
export const newFile = (
  allowed: Allowed,
  { allowAbsolute, path, root }: NewFile
): Effect.Effect<string, Problem.Problem> =>
  attempt(() => {
    const base = root === undefined ? allowed.roots[0] : inRoots(allowed, root)
    if (Path.isAbsolute(path) && !allowAbsolute) {
      throw Problem.make(
        "PathRefused",
        `${path} is an absolute path.`,
        `Give a path inside ${base}, or allow_absolute: true.`
      )
    }
    const real = inRoots({ ...allowed, roots: [base, ...allowed.roots] }, path)
    if (!Path.isAbsolute(path) && !isInside(base, real)) {
      throw Problem.make("PathRefused", `${path} leads out of ${base}.`, "Give a path inside it.")
    }
    const named = Path.resolve(base, path)
    if (isLink(named)) throw Problem.make("PathRefused", `${path} is a link.`, "Write to a path that is none.")
    const found = Fs.lstatSync(real, { throwIfNoEntry: false })
    if (found !== undefined && !found.isFile()) throw Problem.make("PathRefused", `${path} is there, and is no file.`)
    return real
  })

/**
 * A home, which need not be there.
 * @category running
 * @since 0.1.0
 */
export const home = (allowed: Allowed, path: string | undefined): Effect.Effect<string, Problem.Problem> =>
  attempt(() => {
    const asked = path ?? allowed.home
    const real = locate(resolved(checked(asked), allowed.roots[0]))
    if (!allowed.homes.includes(real) && !allowed.roots.some((root) => isInside(root, real))) {
      throw Problem.make(
        "PathRefused",
        `The home ${asked} is outside of what this server allows.`,
        `It may lie in ${allowed.roots.join(", ")}; owf mcp --home DIR allows another.`
      )
    }
    if (Fs.statSync(real, { throwIfNoEntry: false })?.isDirectory() === false) {
      throw Problem.make("PathRefused", `The home ${asked} is not a directory.`)
    }
    for (const name of ["workflow.sqlite", "workflow.sqlite-wal", "workflow.sqlite-shm", "runs"]) {
      const found = Fs.lstatSync(Path.join(real, name), { throwIfNoEntry: false })
      if (found !== undefined && !(name === "runs" ? found.isDirectory() : found.isFile())) {
        throw Problem.make("PathRefused", `${name} in the home ${asked} is a link or something else than it should be.`)
      }
    }
    return real
  })

/**
 * Refuses the directory of a run that is a link to another one.
 * @category running
 * @since 0.1.0
 */
export const runDirectory = (directory: string): Effect.Effect<void, Problem.Problem> =>
  attempt(() => refuseLink(directory))

/**
 * A piece of a file below a directory.
 * @category running
 * @since 0.1.0
 */
export const read = (
  directory: string,
  path: string,
  { maxBytes, offset }: { readonly offset: number; readonly maxBytes: number }
): Effect.Effect<Piece, Problem.Problem> =>
  attempt(() => {
    const escapes = Problem.make(
      "PathRefused",
      `${path} leads out of the run's directory.`,
      "owf_artifacts lists its files."
    )
    const missing = Problem.make("NotFound", `The run has no file ${path}.`, "owf_artifacts lists its files.")
    const relative = checked(path)
    const target = Path.resolve(directory, relative)
    refuseLink(directory)
    if (Path.isAbsolute(relative) || relative.includes("\\") || !isInside(directory, target) || target === directory) {
      throw escapes
    }
    const real = realOf(target)
    if (real === undefined) throw isLink(target) ? escapes : missing
    if (real !== Path.join(Fs.realpathSync(directory), Path.relative(directory, target))) throw escapes
    const opened = Fs.openSync(target, Fs.constants.O_RDONLY | Fs.constants.O_NOFOLLOW | Fs.constants.O_NONBLOCK)
    try {
      const found = Fs.fstatSync(opened)
      if (!found.isFile()) throw Problem.make("NotFound", `${path} is not a file.`)
      if (found.nlink > 1) throw escapes
      return pieceOf(opened, found.size, offset, maxBytes)
    } finally {
      Fs.closeSync(opened)
    }
  })

/**
 * The text of a file that comes with the package.
 * @category running
 * @since 0.1.0
 */
export const packaged = (root: string, path: string): Effect.Effect<string, Problem.Problem> =>
  attempt(() => Fs.readFileSync(Path.resolve(root, path), "utf8"))

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const attempt = <A>(look: () => A): Effect.Effect<A, Problem.Problem> =>
  Effect.try({
    try: look,
    catch: (error) => {
      if (error instanceof Problem.Problem) return error
      const code = SystemError.codeOf(error) ?? "an unknown reason"
      return Problem.make("PathRefused", `The path cannot be used: ${code}.`)
    }
  })

const checked = (path: string): string => {
  if (path === "" || path.includes("\0") || path.length > 4_096) {
    throw Problem.make("PathRefused", "A path has to be a text of 1 to 4096 characters without NUL.")
  }
  return path
}

const resolved = (path: string, from: string): string =>
  Path.resolve(from, path === "~" || path.startsWith("~/") ? Path.join(Os.homedir(), path.slice(1)) : path)

const directory = (path: string, cwd: string): string => {
  const real = realOf(resolved(path, cwd))
  if (real === undefined || !Fs.statSync(real).isDirectory()) {
    throw Problem.make("UsageError", `The root ${path} is not a directory.`, "Name one that is there with --root.")
  }
  return real
}

const realOf = (path: string): string | undefined => {
  try {
    return Fs.realpathSync(path)
  } catch (error) {
    if (SystemError.isAbsent(error)) return undefined
    throw error
  }
}

const isLink = (path: string): boolean => {
  try {
    return Fs.lstatSync(path).isSymbolicLink()
  } catch {
    return false
  }
}

/** A crafted home's run, whose files would be somebody else's. */
const refuseLink = (directory: string): void => {
  if (isLink(directory) || isLink(Path.dirname(directory))) {
    throw Problem.make("PathRefused", "The directory of the run is a link.", "owf_list_runs shows other runs.")
  }
}

/** What a path leads to, as far as it is there, and the rest of it (P1). */
const locate = (path: string): string => {
  const real = realOf(path)
  if (real !== undefined) return real
  if (isLink(path)) throw Problem.make("PathRefused", "The path leads through a link to nowhere.")
  const parent = Path.dirname(path)
  return parent === path ? path : Path.join(locate(parent), Path.basename(path))
}

const inRoots = (allowed: Allowed, path: string): string => {
  const [first] = allowed.roots
  const outside = Problem.make(
    "PathRefused",
    `${path.slice(0, 500)} is outside of what this server allows.`,
    `It may lie in ${allowed.roots.join(", ")}; owf mcp --root DIR allows another directory.`
  )
  const real = locate(resolved(checked(path), first))
  if (!allowed.roots.some((root) => isInside(root, real))) throw outside
  return real
}

const isInside = (directory: string, path: string): boolean =>
  path === directory || path.startsWith(directory.endsWith(Path.sep) ? directory : directory + Path.sep)

/** Cut where characters end, so that pieces put together are the file. */
const pieceOf = (opened: number, sizeBytes: number, offset: number, maxBytes: number): Piece => {
  const from = Math.min(offset, sizeBytes)
  const buffer = Buffer.alloc(Math.min(maxBytes, sizeBytes - from))
  const read = Fs.readSync(opened, buffer, 0, buffer.length, from)
  const bytes = buffer.subarray(0, read)
  const whole = from + read < sizeBytes ? bytes.subarray(0, wholeCharacters(bytes)) : bytes
  return { sizeBytes, offset: from, returnedBytes: whole.length, content: whole.toString("utf8") }
}

/** Bytes before a character of UTF-8 that is cut off; all of them when the end is none. */
const wholeCharacters = (bytes: Uint8Array): number => {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0
    if (byte < 0x80) break
    if (byte >= 0xc0) {
      const needs = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2
      return needs > back && bytes.length > back ? bytes.length - back : bytes.length
    }
  }
  return bytes.length
}
