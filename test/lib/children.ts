/**
 * Processes of the tests' own programs. Exactly those still alive are killed when a test ends.
 */
import { buildSync } from "esbuild"
import * as ChildProcess from "node:child_process"
import { createHash } from "node:crypto"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { afterEach } from "vitest"
import { root } from "./node.ts"

/** How a process ended, and all it printed. */
export interface Ended {
  readonly pid: number
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** A process that was started. */
export interface Child {
  readonly pid: number
  readonly kill: (signal: NodeJS.Signals) => void
  /** What it wrote to stderr so far. */
  readonly said: () => string
  readonly ended: Promise<Ended>
}

/** Starts node with `PATH` and these variables. */
export const start = (
  words: ReadonlyArray<string>,
  options: { readonly cwd?: string; readonly variables?: Readonly<Record<string, string>> } = {}
): Child => {
  const child = ChildProcess.spawn(process.execPath, words, {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    env: { PATH: process.env["PATH"], ...options.variables },
    stdio: ["ignore", "pipe", "pipe"]
  })
  const { pid } = child
  if (pid === undefined) throw new Error("the process could not be started")
  alive.add(child)
  const texts = { stdout: "", stderr: "" }
  child.stdout.setEncoding("utf8").on("data", (text: string) => void (texts.stdout += text))
  child.stderr.setEncoding("utf8").on("data", (text: string) => void (texts.stderr += text))
  const ended = new Promise<Ended>((resolve) =>
    child.once("close", (code, signal) => {
      alive.delete(child)
      resolve({ pid, code, signal, ...texts })
    })
  )
  return { pid, kill: (signal) => void child.kill(signal), said: () => texts.stderr, ended }
}

/** A program of the tests as one file of JavaScript in a folder of `dist`, which starts in half the time. */
export const compiled = (entry: string, folder: string): string => {
  const known = paths.get(entry)
  if (known !== undefined) return known
  const { outputFiles: [built] } = buildSync({
    entryPoints: [entry],
    write: false,
    bundle: true,
    packages: "external",
    platform: "node",
    format: "esm",
    target: "node20",
    logLevel: "warning"
  })
  const text = built!.contents
  const directory = Path.join(root, "dist", folder)
  const path = Path.join(directory, `${createHash("sha256").update(text).digest("hex").slice(0, 16)}.mjs`)
  // other test files build the same at the same time
  Fs.mkdirSync(directory, { recursive: true })
  Fs.writeFileSync(`${path}.${process.pid}`, text)
  Fs.renameSync(`${path}.${process.pid}`, path)
  paths.set(entry, path)
  return path
}

const paths = new Map<string, string>()

const alive = new Set<ChildProcess.ChildProcess>()

afterEach(async () => {
  const left = [...alive]
  const gone = left.map((child) => new Promise((resolve) => child.once("close", resolve)))
  for (const child of left) child.kill("SIGKILL")
  await Promise.all(gone)
})
