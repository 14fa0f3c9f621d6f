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

/**
 * Fingerprints below a working directory.
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: { readonly cwd: string }): Layer.Layer<Fingerprint> =>
  Layer.succeed(Fingerprint, {
    files: (paths) => digestPaths(options.cwd, paths),
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

const digestPaths = (cwd: string, paths: ReadonlyArray<string>): Known<string> =>
  Effect.gen(function*() {
    const budget = { left: maxFiles }
    const lines = yield* Effect.forEach(paths.toSorted(), (path) => walk(cwd, fixedPart(path), budget))
    return sha256.hex(lines.flat().join("\n"))
  })

/** A pattern stands for everything below its part without wildcards: more than it matches, so never too little. */
const fixedPart = (pattern: string): string => {
  const wild = pattern.search(/[*?[{]/)
  return wild === -1 ? pattern : Path.dirname(`${pattern.slice(0, wild)}x`)
}

/** One line for each file, in the order of their names. */
const walk = (cwd: string, path: string, budget: { left: number }): Known<ReadonlyArray<string>> =>
  Effect.gen(function*() {
    const absolute = Path.resolve(cwd, path)
    const name = JSON.stringify(Path.relative(cwd, absolute))
    const stat = yield* attempt(() => Fs.promises.lstat(absolute)).pipe(Effect.orElseSucceed(() => undefined))
    if (stat === undefined) return [`${name} absent`]
    if (stat.isSymbolicLink()) {
      return [`${name} -> ${JSON.stringify(yield* attempt(() => Fs.promises.readlink(absolute)))}`]
    }
    if (stat.isDirectory()) {
      const entries = (yield* attempt(() => Fs.promises.readdir(absolute))).filter((entry) => !ignored.has(entry))
      const lines = yield* Effect.forEach(entries.toSorted(), (entry) => walk(cwd, Path.join(path, entry), budget))
      return lines.flat()
    }
    if (!stat.isFile()) return []
    if (budget.left-- <= 0) {
      return yield* new FingerprintUnknown({ detail: `more than ${maxFiles} files below the paths to read` })
    }
    return [`${name} ${yield* digestFile(absolute)}`]
  })

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
    return sha256.hex([head, status, yield* digestPaths(top, changed)].join("\n"))
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
