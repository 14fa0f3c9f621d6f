import * as Path from "node:path"
import type * as Lines from "../../../src/internal/subprocess/Lines.ts"
import type { Command, Ended as ProgramEnded } from "../../../src/internal/subprocess/Subprocess.ts"
import * as Children from "../../lib/children.ts"

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

/** Starts a host: a process that supervises programs and can be killed. */
export const start = (orders: Orders): Children.Child =>
  Children.start([Children.compiled(program, ".subprocess"), JSON.stringify(orders)])

/** Starts a host that ends by itself, and gives what it says. */
export const report = async (orders: Orders): Promise<Report> => {
  const { code, signal, stderr, stdout } = await start(orders).ended
  if (code !== 0) throw new Error(`the host ended with ${signal ?? code}: ${stderr.slice(0, 2000)}`)
  return JSON.parse(stdout)
}

const program = Path.join(import.meta.dirname, "fixtures/main.ts")
