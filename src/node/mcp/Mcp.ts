/**
 * Serves the tools on the standard streams of this process.
 *
 * - M1. Stdout has nothing but the protocol: what anything else prints there goes to stderr.
 * - M2. When the client goes away, by the end of stdin, by a signal or because it reads no more, what is under way is
 *   interrupted and the process ends within five seconds.
 *
 * Bundled by itself, because the protocol's implementation is no dependency of the package; what it shares with the rest
 * of the command is handed to it as functions of plain data.
 */
import { serveStdio } from "@modelcontextprotocol/server/stdio"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { version } from "../../cli/Version.ts"
import { Subprocess } from "../../internal/subprocess/Subprocess.ts"
import * as Supervisor from "../../internal/subprocess/Supervisor.ts"
import type { Ran } from "../../mcp/Host.ts"
import { Host } from "../../mcp/Host.ts"
import * as Problem from "../../mcp/Problem.ts"
import * as Server from "../../mcp/Server.ts"
import * as Transport from "../../mcp/Transport.ts"
import * as CliLog from "../CliLog.ts"
import * as Children from "./Children.ts"
import * as Places from "./Places.ts"

/**
 * What a command printed, and its exit code.
 * @category models
 * @since 0.1.0
 */
export type Captured = Ran

/**
 * What the server is started with.
 * @category models
 * @since 0.1.0
 */
export interface Serving {
  readonly roots: ReadonlyArray<string>
  readonly homes: ReadonlyArray<string>
  /** Runs a command that only reads, in this process. */
  readonly command: (words: ReadonlyArray<string>, signal: AbortSignal) => Promise<Captured>
  /** The file of the command. */
  readonly bin: string
  /** Directory of the package. */
  readonly root: string
}

/**
 * Serves the tools until the client goes away, and gives the exit code.
 * @category running
 * @since 0.1.0
 */
export const serve = async (serving: Serving): Promise<number> => {
  const write = guard()
  const allowed = await Effect.runPromise(
    Effect.either(Places.allow(serving, process.cwd(), process.env["OWF_HOME"]))
  )
  if (allowed._tag === "Left") {
    process.stderr.write(`${Problem.toText(allowed.left)}\n`)
    return 2
  }
  const runtime = ManagedRuntime.make(Layer.merge(host(serving, allowed.right), CliLog.layer))
  const served = Server.make(
    version,
    (effect, signal) => runtime.runPromiseExit(effect, { signal }).catch((error: unknown) => Exit.die(error))
  )
  const gone = new Promise<void>((resolve) => {
    const wire = wireOf(write, resolve)
    const transport = Transport.make(wire.wire)
    wire.connect(transport)
    serveStdio(served.make, {
      transport,
      onerror: (error) => process.stderr.write(`owf mcp: ${error.message}\n`)
    })
  })
  await gone
  await Promise.race([served.idle(), after(mostMillis)])
  await Promise.race([runtime.dispose(), after(1_000)])
  Supervisor.killAll()
  return 0
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Milliseconds in which what is under way has to be interrupted (M2): the grace of a run, and a little. */
const mostMillis = 4_500

const after = (millis: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, millis).unref())

/** Takes stdout for the protocol and gives what writes to it; everything else goes to stderr (M1). */
const guard = (): typeof process.stdout.write => {
  const write = process.stdout.write.bind(process.stdout)
  process.stdout.write = process.stderr.write.bind(process.stderr)
  return write
}

const wireOf = (write: typeof process.stdout.write, gone: () => void) => {
  process.stdin.pause()
  const wire: Transport.Wire = {
    write: (line) =>
      new Promise((resolve, reject) => {
        write(line, (error) => error === null || error === undefined ? resolve() : reject(error))
      }),
    pause: () => process.stdin.pause(),
    resume: () => process.stdin.resume(),
    start: () => process.stdin.resume(),
    close: gone
  }
  const connect = (transport: Transport.Lines): void => {
    const end = (): void => {
      process.stdin.pause()
      transport.end()
      gone()
    }
    process.stdin.on("data", (chunk: Buffer) => transport.feed(chunk))
    for (const event of ["end", "close", "error"]) process.stdin.on(event, end)
    process.stdout.on("error", end)
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, end)
  }
  return { wire, connect }
}

const environment = (): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(process.env).flatMap(([name, value]) => value === undefined ? [] : [[name, value]]))

const host = ({ bin, command, root }: Serving, allowed: Places.Allowed): Layer.Layer<Host> =>
  Layer.effect(
    Host,
    Effect.gen(function*() {
      const subprocess = yield* Subprocess
      const permits = yield* Effect.makeSemaphore(mostChildren)
      const readers = yield* Effect.makeSemaphore(mostCommands)
      const left = new Set<number>()
      const starting: Children.Starting = { bin, cwd: allowed.roots[0], environment: environment() }
      return {
        command: (words) =>
          readers.withPermits(1)(Effect.tryPromise({
            try: (signal) => command(words, signal),
            catch: (error) => Problem.make("InternalError", `The command could not be run: ${String(error)}`)
          })),
        child: (words, options) => permits.withPermits(1)(Children.run(subprocess, starting, words, options)),
        background: (words, input, isEvent) =>
          left.size < mostLeft
            ? permits.withPermits(1)(Children.leave(starting, left, words, { input, isEvent }))
            : Effect.fail(Problem.make(
              "Busy",
              `${mostLeft} runs of this server are at work in the background.`,
              "Wait for one of them with owf_status, or stop one with owf_cancel."
            )),
        file: (path) => Places.file(allowed, path),
        newFile: (asked) => Places.newFile(allowed, asked),
        home: (path) => Places.home(allowed, path),
        runDirectory: Places.runDirectory,
        read: Places.read,
        packaged: (path) => Places.packaged(root, path)
      }
    })
  ).pipe(Layer.provide(Supervisor.layer))

/** Workflows that are loaded at the same time; others wait. */
const mostChildren = 8

/** Commands in this process at the same time, each of which may hold what it prints. */
const mostCommands = 4

/** Runs in the background at the same time. */
const mostLeft = 32
