import { buildSync } from "esbuild"
import * as ChildProcess from "node:child_process"
import { createHash } from "node:crypto"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { afterEach } from "vitest"
import type * as Lines from "../../../src/internal/subprocess/Lines.ts"
import type { Command, Ended as ProgramEnded } from "../../../src/internal/subprocess/Subprocess.ts"
import { root } from "../../lib/node.ts"

/** What a host shall do. */
export interface Orders {
  readonly command: Command
  /** Run at once in place of the one. */
  readonly commands?: ReadonlyArray<Command>
  /** How often, one after the other. */
  readonly count?: number
  readonly sink: "all" | "lines"
  /** Milliseconds, which a command in JSON cannot have. */
  readonly idleTimeout?: number
}

/** What became of it; memory, descriptors and listeners are what came on top. */
export interface Report {
  readonly ended: (ProgramEnded & { readonly stderrLength: number }) | undefined
  readonly lines: Lines.Facts
  readonly milliseconds: number
  readonly memory: number
  readonly descriptors: number
  readonly listeners: number
  readonly zombies: number
}

/** How a host ended. */
export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** A process that supervises programs and can be killed. */
export interface Host {
  readonly pid: number
  readonly kill: (signal: NodeJS.Signals) => void
  /** What it wrote to stderr so far. */
  readonly said: () => string
  readonly ended: Promise<Ended>
}

/** Starts a host. */
export const start = (orders: Orders): Host => {
  const child = ChildProcess.spawn(process.execPath, [compiled(), JSON.stringify(orders)], {
    env: { PATH: process.env["PATH"] },
    stdio: ["ignore", "pipe", "pipe"]
  })
  const { pid } = child
  if (pid === undefined) throw new Error("the host could not be started")
  alive.add(child)
  const texts = { stdout: "", stderr: "" }
  child.stdout.setEncoding("utf8").on("data", (text: string) => void (texts.stdout += text))
  child.stderr.setEncoding("utf8").on("data", (text: string) => void (texts.stderr += text))
  const ended = new Promise<Ended>((resolve) =>
    child.once("close", (code, signal) => {
      alive.delete(child)
      resolve({ code, signal, ...texts })
    })
  )
  return { pid, kill: (signal) => void child.kill(signal), said: () => texts.stderr, ended }
}

/** Starts a host that ends by itself, and gives what it says. */
export const report = async (orders: Orders): Promise<Report> => {
  const { code, signal, stderr, stdout } = await start(orders).ended
  if (code !== 0) throw new Error(`the host ended with ${signal ?? code}: ${stderr.slice(0, 2000)}`)
  return JSON.parse(stdout)
}

const alive = new Set<ChildProcess.ChildProcess>()

afterEach(async () => {
  const left = [...alive]
  const gone = left.map((child) => new Promise((resolve) => child.once("close", resolve)))
  for (const child of left) child.kill("SIGKILL")
  await Promise.all(gone)
})

let path: string | undefined

const compiled = (): string => {
  if (path !== undefined) return path
  const { outputFiles: [built] } = buildSync({
    entryPoints: [Path.join(import.meta.dirname, "fixtures/main.ts")],
    write: false,
    bundle: true,
    packages: "external",
    platform: "node",
    format: "esm",
    target: "node20",
    logLevel: "warning"
  })
  const text = built!.contents
  const directory = Path.join(root, "dist/.subprocess")
  path = Path.join(directory, `${createHash("sha256").update(text).digest("hex").slice(0, 16)}.mjs`)
  Fs.mkdirSync(directory, { recursive: true })
  Fs.writeFileSync(`${path}.${process.pid}`, text)
  Fs.renameSync(`${path}.${process.pid}`, path)
  return path
}
