/**
 * A program that plays a part: it records what it was started with and does what a test says, as a real process.
 *
 * It reads its input to the end first, unless its part says otherwise, and writes one line to its ledger per start.
 */
import * as Crypto from "node:crypto"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { directoryWith } from "./node.ts"

/** One thing the program does. */
export type Step =
  /** Prints a text; `{{--flag|--other}}` in it stands for the value of the first of these flags it was given. */
  | { readonly print: string; readonly times?: number }
  /** Prints bytes, given in base64, in pieces of so many bytes. */
  | { readonly bytes: string; readonly pieces: number }
  | { readonly error: string }
  /** Writes a text to the file that the value of a flag names. */
  | { readonly write: string; readonly to: string }
  /** Waits so many milliseconds. */
  | { readonly wait: number }
  | { readonly signal: "ignoreTerm" | "hang" }
  | { readonly kill: "SIGKILL" | "SIGTERM" | "SIGSEGV" }
  | { readonly exit: number }
  /** Prints a variable of its environment. */
  | { readonly variable: string; readonly to: "stdout" | "stderr" }

/** What the program does in a start. */
export interface Part {
  /** Only in starts with this text in an argument. */
  readonly when?: string
  /** Only so many times; afterwards the next part that fits is played. */
  readonly times?: number
  /** Whether the input is read before anything else. Defaults to true. */
  readonly reads?: boolean
  readonly steps: ReadonlyArray<Step>
}

/** What the program was started with. */
export interface Start {
  readonly pid: number
  readonly argv: ReadonlyArray<string>
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
  /** Digest and size of its input; null when it was not read. */
  readonly sha256: string | null
  readonly bytes: number
  /** The input itself, when it has 64 KiB at most. */
  readonly input: string | null
  /** Texts of the files that arguments name, by argument. */
  readonly files: Readonly<Record<string, { readonly text: string; readonly mode: number }>>
}

/** A program in a directory of its own. */
export interface FakeCli {
  /** Directory to put in `PATH`. */
  readonly directory: string
  readonly file: string
  /** Every start, in the order in which their input was read. */
  readonly starts: () => ReadonlyArray<Start>
}

/** A program of this name; the first part that fits a start is played. */
export const make = (name: string, parts: ReadonlyArray<Part>): FakeCli => {
  const directory = directoryWith({ [`bin/${name}`]: source(parts), "ledger.jsonl": "" })
  const file = Path.join(directory, "bin", name)
  Fs.chmodSync(file, 0o755)
  return {
    directory: Path.join(directory, "bin"),
    file,
    starts: () =>
      Fs.readFileSync(Path.join(directory, "ledger.jsonl"), "utf8").split("\n").flatMap((line) =>
        line === "" ? [] : [JSON.parse(line) as Start]
      )
  }
}

/** A program that prints a text and ends. */
export const printing = (name: string, text: string, code = 0): FakeCli =>
  make(name, [{ steps: [{ print: text }, { exit: code }] }])

/** The digest the ledger holds of an input. */
export const sha256 = (input: string | Uint8Array): string => Crypto.createHash("sha256").update(input).digest("hex")

const source = (parts: ReadonlyArray<Part>): string =>
  `#!${process.execPath}
const parts = ${JSON.stringify(parts)}
;(${program.toString()})(parts)
`

/** Runs in the program, so it uses nothing of this module. */
const program = async (parts: ReadonlyArray<Part>): Promise<void> => {
  const load = (name: string) => process.getBuiltinModule(name)
  const fs = load("node:fs") as typeof Fs
  const path = load("node:path") as typeof Path
  const crypto = load("node:crypto") as typeof Crypto
  const argv = process.argv.slice(2)
  const home = path.resolve(path.dirname(process.argv[1] ?? ""), "..")
  const sleep = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis))
  const write = (stream: NodeJS.WriteStream, chunk: string | Uint8Array) =>
    new Promise<void>((resolve) => stream.write(chunk, () => resolve()))
  const valueOf = (flags: string): string => {
    for (const flag of flags.split("|")) {
      const at = argv.findIndex((arg) => arg === flag || arg.startsWith(`${flag}=`))
      if (at >= 0) return argv[at] === flag ? argv[at + 1] ?? "" : (argv[at] ?? "").slice(flag.length + 1)
    }
    return ""
  }
  const isFree = (index: number, times: number | undefined): boolean => {
    if (times === undefined) return true
    for (let turn = 0; turn < times; turn++) {
      try {
        fs.closeSync(fs.openSync(path.join(home, `part-${index}-${turn}`), "wx"))
        return true
      } catch {
        // taken by an earlier start
      }
    }
    return false
  }
  const part = parts.find(({ times, when }, index) =>
    (when === undefined || argv.some((arg) => arg.includes(when))) && isFree(index, times)
  )
  const files: Record<string, { text: string; mode: number }> = {}
  for (const arg of argv) {
    const file = arg.startsWith("--") ? arg.slice(arg.indexOf("=") + 1) : arg
    if (!file.startsWith("/") || !fs.existsSync(file) || !fs.statSync(file).isFile()) continue
    files[arg] = { text: fs.readFileSync(file, "utf8"), mode: fs.statSync(file).mode & 0o777 }
  }
  const chunks: Array<Buffer> = []
  let bytes = 0
  const digest = crypto.createHash("sha256")
  if (part?.reads !== false) {
    for await (const chunk of process.stdin) {
      digest.update(chunk)
      bytes += chunk.length
      if (bytes <= 65_536) chunks.push(chunk)
    }
  }
  const start = {
    pid: process.pid,
    argv,
    env: process.env,
    cwd: process.cwd(),
    sha256: part?.reads === false ? null : digest.digest("hex"),
    bytes,
    input: bytes <= 65_536 ? Buffer.concat(chunks).toString("utf8") : null,
    files
  }
  fs.appendFileSync(path.join(home, "ledger.jsonl"), `${JSON.stringify(start)}\n`)
  if (part === undefined) {
    process.stderr.write("no part is left to play\n")
    process.exit(99)
  }
  for (const step of part.steps) {
    if ("print" in step) {
      const text = step.print.replace(/\{\{([^}]+)\}\}/g, (_, flags: string) => valueOf(flags))
      for (let count = 0; count < (step.times ?? 1); count++) await write(process.stdout, text)
    } else if ("bytes" in step) {
      const all = Buffer.from(step.bytes, "base64")
      for (let at = 0; at < all.length; at += step.pieces) {
        await write(process.stdout, all.subarray(at, at + step.pieces))
        await sleep(1)
      }
    } else if ("error" in step) await write(process.stderr, step.error)
    else if ("write" in step) fs.writeFileSync(valueOf(step.to), step.write)
    else if ("wait" in step) await sleep(step.wait)
    else if ("variable" in step) {
      await write(step.to === "stdout" ? process.stdout : process.stderr, process.env[step.variable] ?? "")
    } else if ("signal" in step) {
      if (step.signal === "ignoreTerm") process.on("SIGTERM", () => undefined)
      else await sleep(3_600_000)
    } else if ("kill" in step) {
      process.kill(process.pid, step.kill)
      await sleep(60_000)
    } else process.exit(step.exit)
  }
}
