/**
 * Wires the command line on Node and ends the process with its exit code.
 *
 * The commands that load a workflow are imported from the unbundled library when they are asked for, and only plain data
 * goes there and back: a workflow and the runtime must share one Effect, which the bundle is not.
 */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodePath from "@effect/platform-node/NodePath"
import * as NodeTerminal from "@effect/platform-node/NodeTerminal"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"
import * as Cli from "../cli/Cli.ts"
import { ExitCode } from "../cli/ExitCode.ts"
import { Host } from "../cli/Host.ts"
import * as Output from "../cli/Output.ts"
import * as SqlRunStore from "../store/SqlRunStore.ts"
import * as BatchCommands from "./BatchCommands.ts"
import type * as CliGraphs from "./CliGraphs.ts"
import * as CliLog from "./CliLog.ts"
import * as CliProcess from "./CliRunProcess.ts"
import type * as CliTrees from "./CliTrees.ts"
import * as Home from "./Home.ts"
import type * as Inspect from "./Inspect.ts"
import type { Captured } from "./mcp/Mcp.ts"
import * as ProcessOwner from "./ProcessOwner.ts"
import * as RunFilesNode from "./RunFilesNode.ts"
import * as StopOwner from "./StopOwner.ts"

/**
 * Does what the words after `owf` ask for and ends the process.
 * @category running
 * @since 0.1.0
 */
export const main = async (words: ReadonlyArray<string>): Promise<void> => {
  const output = CliProcess.output()
  if (!hasDirectory()) {
    CliProcess.lastWords("stderr", "owf: The working directory does not exist any more.\n  Change to one that does.")
    return CliProcess.end(ExitCode.usage)
  }
  const code = await Effect.runPromise(
    Effect.provide(
      Cli.main(words),
      Layer.mergeAll(
        NodeFileSystem.layer,
        NodePath.layer,
        NodeTerminal.layer,
        Layer.succeed(Output.Output, output),
        Layer.succeed(Host, host)
      )
    )
  )
  CliProcess.end(code)
}

/**
 * What the commands need, as this process has it.
 * @category constructors
 * @since 0.1.0
 */
export const host: Host["Type"] = {
  home: (asked) => Home.resolve(asked, process.env["OWF_HOME"], process.cwd()),
  store: (home, mode) =>
    RunFilesNode.layer({ home }).pipe(
      Layer.provideMerge(SqlRunStore.layer({ home, mode })),
      Layer.provide(ProcessOwner.layer)
    ),
  loader: {
    run: (request) => Effect.promise(async () => (await import("./CliRun.ts")).run(request)),
    resume: (request) => Effect.promise(async () => (await import("./CliRun.ts")).resume(request)),
    validate: (request) => Effect.promise(async () => (await import("./Validate.ts")).validate(request)),
    dryRun: (request) => Effect.promise(async () => (await import("./DryRun.ts")).dryRun(request))
  },
  inspector: {
    providers: inspect((library) => library.providers()),
    doctor: (home) => inspect((library) => library.doctor(home)),
    prices: (models) => inspect((library) => library.prices(models)),
    refreshPrices: (url) => inspect((library) => library.refreshPrices(url))
  },
  trees: {
    list: (home, run) => trees((library) => library.list(home, run)),
    diff: (home, call) => trees((library) => library.diff(home, call)),
    apply: (home, call, branch) => trees((library) => library.apply(home, call, branch)),
    gc: (home, options) => trees((library) => library.gc(home, options))
  },
  graphs: {
    draw: (file, format) => graphs((library) => library.draw(file, format)),
    eject: (file, out) => graphs((library) => library.eject(file, out))
  },
  batches: BatchCommands.host,
  stop: StopOwner.stop,
  mcp: ({ homes, roots }) =>
    Effect.tryPromise({
      try: async () =>
        (await import("./mcp/Mcp.ts")).serve({
          roots,
          homes,
          command: captured,
          bin: packaged("dist/bin/owf.js"),
          root: packaged(".")
        }),
      catch: (error) => error
    }),
  // both dist/bin/owf.js and dist/node/CliMain.js stand two folders below the package
  examples: packaged("examples"),
  viewer: packaged("dist/viewer"),
  shown: (path) => {
    const relative = Path.relative(process.cwd(), path)
    return relative === ""
      ? "."
      : relative.startsWith("..") && !path.startsWith(Path.dirname(process.cwd()))
      ? path
      : relative
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** A command in this process whose output is kept, for tools that show what commands show. */
async function captured(words: ReadonlyArray<string>, signal: AbortSignal): Promise<Captured> {
  const out = new Captive()
  const err = new Captive()
  const streams = Layer.succeed(Output.Output, { print: (text) => out.take(text), note: (text) => err.take(text) })
  const services = Layer.mergeAll(
    NodeFileSystem.layer,
    NodePath.layer,
    NodeTerminal.layer,
    CliLog.layer,
    streams,
    Layer.succeed(Host, host)
  )
  const code = await Effect.runPromise(Effect.provide(Cli.main(words), services), { signal })
  return { code, stdout: out.text(), stderr: err.text() }
}

/** What was printed; a command that prints without end is a bug, and ends here. */
class Captive {
  private readonly parts: Array<string> = []
  private length = 0

  take(text: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.length += text.length
      if (this.length > mostCaptured) return Effect.dieMessage("the command printed more than can be kept")
      this.parts.push(text)
      return Effect.void
    })
  }

  text(): string {
    return this.parts.join("\n")
  }
}

const mostCaptured = 67_108_864

/** A path of the package; a function declaration, because `host` is built before a constant would be. */
function packaged(path: string): string {
  return fileURLToPath(new URL(`../../${path}`, import.meta.url))
}

const hasDirectory = (): boolean => {
  try {
    return process.cwd() !== ""
  } catch {
    return false
  }
}

/** Loads the unbundled library, and what it throws is what went wrong. */
function inspect<A>(use: (library: typeof Inspect) => Promise<A>): Effect.Effect<A, unknown> {
  return Effect.tryPromise({ try: async () => use(await import("./Inspect.ts")), catch: (error) => error })
}

function graphs<A>(use: (library: typeof CliGraphs) => Promise<A>): Effect.Effect<A, unknown> {
  return Effect.tryPromise({ try: async () => use(await import("./CliGraphs.ts")), catch: (error) => error })
}

function trees<A>(use: (library: typeof CliTrees) => Promise<A>): Effect.Effect<A, unknown> {
  return Effect.tryPromise({ try: async () => use(await import("./CliTrees.ts")), catch: (error) => error })
}
