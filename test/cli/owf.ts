import * as NodeContext from "@effect/platform-node/NodeContext"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { ChildProcess } from "node:child_process"
import { spawn } from "node:child_process"
import * as Path from "node:path"
import * as Cli from "../../src/cli/Cli.ts"
import { Host } from "../../src/cli/Host.ts"
import { Output } from "../../src/cli/Output.ts"
import * as BatchNode from "../../src/node/BatchNode.ts"
import * as CliGraphs from "../../src/node/CliGraphs.ts"
import * as CliTrees from "../../src/node/CliTrees.ts"
import { layerStore } from "../../src/node/Owf.ts"
import * as StopOwner from "../../src/node/StopOwner.ts"
import { root } from "../lib/node.ts"

export interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export const bin: string = Path.join(root, "dist/bin/owf.js")

const environment: Readonly<Record<string, string | undefined>> = {
  PATH: process.env["PATH"],
  HOME: "/nonexistent",
  NO_COLOR: "1"
}

/** Starts the built command as a process. */
export const start = (
  cwd: string,
  words: ReadonlyArray<string>,
  variables: Readonly<Record<string, string | undefined>> = {},
  program = bin
): { readonly child: ChildProcess; readonly ran: Promise<Ran> } => {
  const child = spawn(process.execPath, [program, ...words], {
    cwd,
    env: { ...environment, ...variables },
    stdio: ["ignore", "pipe", "pipe"]
  })
  const texts = { stdout: "", stderr: "" }
  child.stdout.setEncoding("utf8").on("data", (text: string) => texts.stdout += text)
  child.stderr.setEncoding("utf8").on("data", (text: string) => texts.stderr += text)
  const ran = new Promise<Ran>((resolve) => child.once("close", (code) => resolve({ code, ...texts })))
  return { child, ran }
}

/** Runs the built command as a process. */
export const owf = (cwd: string, ...words: ReadonlyArray<string>): Promise<Ran> => start(cwd, words).ran

/** Runs the built command as a process with further variables. */
export const owfWith = (
  variables: Readonly<Record<string, string | undefined>>,
  cwd: string,
  ...words: ReadonlyArray<string>
): Promise<Ran> => start(cwd, words, variables).ran

/** Done when a process has said this on its error output. */
export const said = (child: ChildProcess, text: string): Promise<void> =>
  new Promise((resolve) => {
    let seen = ""
    child.stderr?.on("data", (chunk: string) => {
      seen += chunk
      if (seen.includes(text)) resolve()
    })
  })

const tried = <A>(run: () => Promise<A>): Effect.Effect<A, unknown> =>
  Effect.tryPromise({ try: run, catch: (error) => error })

/** Runs the command line in this process; commands that load a workflow need `owf`. */
export const inProcess = (cwd: string, ...words: ReadonlyArray<string>): Promise<Ran> =>
  inProcessWith({}, cwd, ...words)

/** Runs the command line in this process with further variables, which reach the commands about batches. */
export const inProcessWith = (
  variables: Readonly<Record<string, string | undefined>>,
  cwd: string,
  ...words: ReadonlyArray<string>
): Promise<Ran> => {
  let stdout = ""
  let stderr = ""
  const notHere = () => Effect.dieMessage("a workflow is loaded in a process of its own")
  const services = Layer.mergeAll(
    NodeContext.layer,
    Layer.succeed(Output, {
      print: (text) => Effect.sync(() => void (stdout += `${text}\n`)),
      note: (text) => Effect.sync(() => void (stderr += `${text}\n`))
    }),
    Layer.succeed(Host, {
      home: (asked) => Path.resolve(cwd, asked ?? ".workflows"),
      store: (home, mode) => layerStore({ home, mode }),
      loader: { run: notHere, resume: notHere, validate: notHere, dryRun: notHere },
      trees: {
        list: (home, run) => tried(() => CliTrees.list(home, run, cwd)),
        diff: (home, call) => tried(() => CliTrees.diff(home, call, cwd)),
        apply: (home, call, branch) => tried(() => CliTrees.apply(home, call, branch, cwd)),
        gc: (home, options) => tried(() => CliTrees.gc(home, options, cwd))
      },
      graphs: {
        draw: (file, format) => tried(() => CliGraphs.draw(Path.resolve(cwd, file), format)),
        eject: (file, out) => tried(() => CliGraphs.eject(Path.resolve(cwd, file), out))
      },
      batches: BatchNode.make({ ...environment, ...variables }),
      stop: StopOwner.stop,
      mcp: notHere,
      inspector: { providers: notHere(), doctor: notHere, prices: notHere, refreshPrices: notHere },
      examples: Path.join(root, "examples"),
      viewer: Path.join(root, "dist/viewer"),
      shown: (path) => Path.relative(cwd, path)
    })
  )
  return Effect.runPromise(Effect.map(Effect.provide(Cli.main(words), services), (code) => ({ code, stdout, stderr })))
}

/** Runs a few promises at a time; the results are in the order of the items. */
export const inPairs = async <A, B>(items: ReadonlyArray<A>, run: (item: A) => Promise<B>): Promise<ReadonlyArray<B>> =>
  Effect.runPromise(Effect.forEach(items, (item) => Effect.promise(() => run(item)), { concurrency: 2 }))

/** What was printed, without what differs from run to run. */
export const normal = (directory: string, text: string): string =>
  text
    .replaceAll(directory, "<dir>")
    .replaceAll(root, "<package>")
    // a checkout beside the directory is shown by its short path
    .replaceAll(Path.relative(directory, root), "<package>")
    .replaceAll(/\d{8}-\d{6}-[0-9a-z]{8,20}/g, "<run>")
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, "<time>")
    .replaceAll(/\b[0-9a-f]{64}\b/g, "<digest>")
    .replaceAll(process.version, "<node>")
    .replaceAll(/\b\d+(?:\.\d+)? (?:ms|s)\b/g, "<duration>")
    .replaceAll(/("duration_ms": )\d+(?:\.\d+)?/g, "$1\"<duration>\"")

/** A command and all it printed, for a golden file. */
export const transcript = (directory: string, words: ReadonlyArray<string>, ran: Ran): string => {
  const part = (name: string, text: string) => text === "" ? "" : `${name}:\n${text}`
  const shown = words.map((word) => /^[\w./=-]+$/.test(word) ? word : `'${word}'`).join(" ")
  return normal(
    directory,
    `$ owf ${shown}\nexit ${ran.code}\n${part("stdout", ran.stdout)}${part("stderr", ran.stderr)}\n`
  )
}
