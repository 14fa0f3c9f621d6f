/**
 * Commands of `owf` in processes of their own.
 *
 * - C1. One that is waited for is supervised: interrupting it asks it to stop, which stores where its run stands, and
 *   nothing of it outlives the server.
 * - C2. One that is left on its own is in a session of its own and goes on without the server. What it prints is read and
 *   dropped while the server lives; afterwards it prints to nobody.
 * - C3. Memory is bounded: of what is printed, lines up to a bound are looked at and the end is kept.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import type { ChildProcess } from "node:child_process"
import type { Subprocess } from "../../internal/subprocess/Subprocess.ts"
import type { Begun, Ran } from "../../mcp/Host.ts"
import * as Problem from "../../mcp/Problem.ts"

/**
 * How commands are started.
 * @category models
 * @since 0.1.0
 */
export interface Starting {
  /** The file of the command. */
  readonly bin: string
  readonly cwd: string
  readonly environment: Readonly<Record<string, string>>
}

/**
 * Runs a command to its end (C1).
 * @category running
 * @since 0.1.0
 */
export const run = (
  subprocess: Subprocess["Type"],
  { bin, cwd, environment }: Starting,
  words: ReadonlyArray<string>,
  { input, line }: { readonly input: string; readonly line: (line: string) => Effect.Effect<void> }
): Effect.Effect<Ran, Problem.Problem> => {
  const lines = new Lines()
  return subprocess.run(
    { program: process.execPath, args: [bin, ...words], cwd, environment, input, grace: Duration.seconds(4) },
    (chunk) => Effect.as(Effect.forEach(lines.take(chunk), line, { discard: true }), "more" as const)
  ).pipe(
    Effect.mapError((error) => Problem.make("SubprocessError", error.message)),
    Effect.zipLeft(Effect.suspend(() => Effect.forEach(lines.rest(), line, { discard: true }))),
    Effect.map(({ code, signal, stderr }) => ({
      code: code ?? 1,
      stdout: lines.kept(),
      stderr: signal === null ? stderr : `${stderr}\nowf: The process was ended by ${signal}.`
    }))
  )
}

/**
 * Starts a command and leaves it once it has printed a line that is an event; what it said when it ends before (C2).
 *
 * `left` has the ids of those that are at work.
 * @category running
 * @since 0.1.0
 */
export const leave = (
  { bin, cwd, environment }: Starting,
  left: Set<number>,
  words: ReadonlyArray<string>,
  { input, isEvent }: { readonly input: string; readonly isEvent: (line: string) => boolean }
): Effect.Effect<Begun | Ran, Problem.Problem> =>
  Effect.async<Begun | Ran, Problem.Problem>((resume) => {
    const lines = new Lines()
    let stderr = ""
    const child = spawn(process.execPath, [bin, ...words], {
      cwd,
      env: environment,
      detached: true,
      stdio: ["pipe", "pipe", "pipe"]
    })
    const { pid = 0 } = child
    left.add(pid)
    for (const event of ["error", "close"]) child.on(event, () => left.delete(pid))
    child.on("error", (error) => resume(Effect.fail(Problem.make("SubprocessError", error.message))))
    for (const stream of [child.stdin, child.stdout, child.stderr]) stream.on("error", () => undefined)
    child.stdin.end(input)
    let isLeft = false
    child.stdout.on("data", (chunk: Buffer) => {
      if (isLeft) return
      const event = lines.take(chunk).find(isEvent)
      if (event === undefined) return
      isLeft = true
      release(child)
      resume(Effect.succeed({ event, pid }))
    })
    child.stderr.setEncoding("utf8").on("data", (text: string) => stderr = (stderr + text).slice(-mostKept))
    child.on("close", (code) => {
      if (!isLeft) resume(Effect.succeed({ code: code ?? 1, stdout: lines.kept(), stderr }))
    })
    // nothing has happened yet, and nobody will know of it
    return Effect.sync(() => {
      if (!isLeft) child.kill("SIGINT")
      release(child)
    })
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const mostKept = 16_777_216
const longestLine = 1_048_576

/** Lets this process end although the other goes on. */
const release = (child: ChildProcess): void => {
  child.unref()
  for (const stream of [child.stdout, child.stderr]) {
    if (stream !== null && "unref" in stream && typeof stream.unref === "function") stream.unref()
  }
}

/** Lines of an output; one that is too long is passed over (C3). */
class Lines {
  private readonly decoder = new TextDecoder()
  private parts: Array<string> = []
  private length = 0
  private open = ""
  private isTooLong = false

  take(chunk: Uint8Array): ReadonlyArray<string> {
    return this.text(this.decoder.decode(chunk, { stream: true }))
  }

  rest(): ReadonlyArray<string> {
    return this.text(`${this.decoder.decode()}\n`)
  }

  /** The end of the output. */
  kept(): string {
    return this.parts.join("").slice(-mostKept)
  }

  private text(text: string): ReadonlyArray<string> {
    this.keep(text)
    const [first = "", ...others] = text.split("\n")
    const found: Array<string> = []
    this.extend(first)
    for (const other of others) {
      if (!this.isTooLong && this.open !== "") found.push(this.open)
      this.open = ""
      this.isTooLong = false
      this.extend(other)
    }
    return found
  }

  private extend(text: string): void {
    if (this.open.length + text.length > longestLine) {
      this.isTooLong = true
      this.open = ""
    } else if (!this.isTooLong) this.open += text
  }

  private keep(text: string): void {
    this.parts.push(text)
    this.length += text.length
    while (this.parts.length > 1 && this.length - (this.parts[0] ?? "").length > mostKept) {
      this.length -= (this.parts.shift() ?? "").length
    }
  }
}
