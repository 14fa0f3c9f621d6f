/**
 * Digests of files and of git repositories.
 *
 * Whatever cannot be read makes the digest unknown, never equal to another one: an answer that cannot be tied to what it
 * was made from is not shared. Git is asked without hooks, without a file-system monitor and without locks.
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { execFile } from "node:child_process"
import { createHash } from "node:crypto"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { Fingerprint, FingerprintUnknown } from "../cache/Fingerprint.ts"
import * as sha256 from "../internal/sha256.ts"
import * as SystemError from "../internal/systemError.ts"

/**
 * Fingerprints below a working directory.
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: { readonly cwd: string }): Layer.Layer<Fingerprint> =>
  Layer.succeed(Fingerprint, {
    files: (paths) => digestPaths(options.cwd, paths.map(fixedPart), true),
    repository: digestRepository(options.cwd)
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type Known<A> = Effect.Effect<A, FingerprintUnknown>

const attempt = <A>(run: () => Promise<A>): Known<A> =>
  Effect.tryPromise({
    try: run,
    catch: (cause) => new FingerprintUnknown({ detail: cause instanceof Error ? cause.message : String(cause) })
  })

// beyond this a digest for every call costs more than it saves
const maxFiles = 20_000

const digestPaths = (cwd: string, paths: ReadonlyArray<string>, follow: boolean): Known<string> =>
  Effect.gen(function*() {
    const state: Walk = { cwd, follow, left: maxFiles, followed: new Set() }
    const lines = yield* Effect.forEach(paths.toSorted(), (path) => walk(state, Path.resolve(cwd, path), true))
    return sha256.hex(lines.flat().join("\n"))
  })

/** A pattern stands for everything below its part without wildcards: more than it matches, so never too little. */
const fixedPart = (pattern: string): string => {
  const wild = pattern.search(/[*?[{(]/)
  return wild === -1 ? pattern : Path.dirname(`${pattern.slice(0, wild)}x`)
}

interface Walk {
  readonly cwd: string
  /** Whether what a link leads to is read too. */
  readonly follow: boolean
  left: number
  /** Where links led so far, so that none is followed twice. */
  readonly followed: Set<string>
}

/** One line for each file, in the order of their names. */
const walk = (state: Walk, path: string, mayBeAbsent: boolean): Known<ReadonlyArray<string>> =>
  Effect.gen(function*() {
    const name = JSON.stringify(Path.relative(state.cwd, path))
    const stat = yield* attempt(() => statOf(path))
    if (stat === undefined) {
      return mayBeAbsent ? [`${name} absent`] : yield* new FingerprintUnknown({ detail: `${path} cannot be read` })
    }
    if (stat.isSymbolicLink()) return yield* walkLink(state, path, name)
    if (stat.isDirectory()) {
      const entries = (yield* attempt(() => Fs.promises.readdir(path))).filter((entry) => !ignored.has(entry))
      const lines = yield* Effect.forEach(entries.toSorted(), (entry) => walk(state, Path.join(path, entry), false))
      return lines.flat()
    }
    if (!stat.isFile()) return []
    if (state.left-- <= 0) {
      return yield* new FingerprintUnknown({ detail: `more than ${maxFiles} files below the paths to read` })
    }
    return [`${name} ${yield* digestFile(path)}`]
  })

/** An agent reads through a link, so where it leads is part of what it reads. */
const walkLink = (state: Walk, path: string, name: string): Known<ReadonlyArray<string>> =>
  Effect.gen(function*() {
    const line = `${name} -> ${JSON.stringify(yield* attempt(() => Fs.promises.readlink(path)))}`
    if (!state.follow) return [line]
    const target = yield* attempt(() => orAbsent(Fs.promises.realpath(path)))
    if (target === undefined || state.followed.has(target)) return [line]
    state.followed.add(target)
    return [line, ...yield* walk(state, target, true)]
  })

const statOf = (path: string) => orAbsent(Fs.promises.lstat(path))

/** Only what is not there is absent; what cannot be looked at is an error. */
const orAbsent = async <A>(found: Promise<A>): Promise<A | undefined> => {
  try {
    return await found
  } catch (error) {
    if (SystemError.isAbsent(error)) return undefined
    throw error
  }
}

const ignored: ReadonlySet<string> = new Set([".git", ".workflows", "node_modules"])

const digestFile = (path: string): Known<string> =>
  attempt(async () => {
    const hash = createHash("sha256")
    for await (const chunk of Fs.createReadStream(path)) hash.update(chunk)
    return hash.digest("hex")
  })

const digestRepository = (cwd: string): Known<string> =>
  Effect.gen(function*() {
    const top = (yield* git(cwd, ["rev-parse", "--show-toplevel"])).trim()
    const head = yield* Effect.orElseSucceed(git(cwd, ["rev-parse", "--verify", "--quiet", "HEAD"]), () => "unborn")
    const status = yield* git(top, ["status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames"])
    const changed = status.split("\0").filter((entry) => entry !== "").map((entry) => entry.slice(3))
    // a home may serve many directories of a repository, and what an agent calls `README.md` is another file in each
    const below = Path.relative(top, yield* attempt(() => Fs.promises.realpath(cwd)))
    const place = below === "" ? [] : [JSON.stringify(below)]
    return sha256.hex([...place, head, status, yield* digestPaths(top, changed, false)].join("\n"))
  })

const git = (cwd: string, args: ReadonlyArray<string>): Known<string> =>
  attempt(() =>
    new Promise((resolve, reject) => {
      const safe = ["-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "--no-optional-locks"]
      const options = { cwd, env: environment(), maxBuffer: 64 * 1024 * 1024 }
      execFile("git", [...safe, ...args], options, (error, stdout) => error === null ? resolve(stdout) : reject(error))
    })
  )

/** The environment without git's own variables, which would point it at another repository. */
const environment = (): Record<string, string | undefined> => ({
  ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("GIT_"))),
  GIT_TERMINAL_PROMPT: "0"
})
