/**
 * The tools over the protocol, in both its eras: what a client lists, calls, follows, cancels and reads.
 *
 * - S1. Only so many calls are under way at once; one more is refused in words.
 * - S2. A call that is cancelled, by the client or because it went away, is interrupted, and closing waits for that.
 */
import { ProtocolError, ProtocolErrorCode, ResourceNotFoundError, Server } from "@modelcontextprotocol/server"
import type { CallToolResult, ServerContext } from "@modelcontextprotocol/server"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Schema from "effect/Schema"
import { visible } from "../internal/visible.ts"
import * as Bounds from "./Bounds.ts"
import * as Commands from "./Commands.ts"
import { Host } from "./Host.ts"
import * as Links from "./Links.ts"
import * as Problem from "./Problem.ts"
import * as Status from "./Status.ts"
import type { Result, Telling, Tool } from "./Tool.ts"
import { instructions, tools } from "./Tools.ts"

/**
 * Runs an effect over the host of the tools, until a signal interrupts it.
 * @category models
 * @since 0.1.0
 */
export type Run = <A>(
  effect: Effect.Effect<A, never, Host>,
  signal: AbortSignal
) => Promise<Exit.Exit<A>>

/**
 * What serves one connection.
 * @category models
 * @since 0.1.0
 */
export interface Served {
  /** Makes the protocol's side of a connection, in either era. */
  readonly make: () => Server
  /** When nothing is under way any more. */
  readonly idle: () => Promise<void>
}

/**
 * Serves the tools.
 * @category constructors
 * @since 0.1.0
 */
export const make = (version: string, run: Run): Served => {
  const open = new Set<Promise<unknown>>()
  const during = <A>(effect: Effect.Effect<A, never, Host>, { mcpReq }: ServerContext): Promise<A> => {
    const running = run(effect, mcpReq.signal).then((exit) => {
      if (Exit.isSuccess(exit)) return exit.value
      // nobody waits for the answer of what was cancelled
      throw new ProtocolError(ProtocolErrorCode.InternalError, "The request was cancelled.")
    })
    const settled = running.then(() => undefined, () => undefined)
    open.add(settled)
    void settled.then(() => open.delete(settled))
    return running
  }
  const make = (): Server => {
    const server = new Server(
      { name: "open-agent-workflows", title: "Open Agent Workflows", version },
      { capabilities: { tools: {}, resources: {} }, instructions }
    )
    server.setRequestHandler("tools/list", () => ({ tools: tools.map(listed) }))
    server.setRequestHandler("tools/call", async ({ params }, context) => {
      const tool = byName.get(params.name)
      if (tool === undefined) {
        throw new ProtocolError(ProtocolErrorCode.InvalidParams, `Unknown tool: ${params.name.slice(0, 200)}`)
      }
      if (open.size >= mostOpen) return toWire(busy)
      return toWire(await during(tool.call(params.arguments, tellingOf(context)), context))
    })
    server.setRequestHandler("resources/list", async (_, context) => ({
      resources: await during(resources, context)
    }))
    server.setRequestHandler("resources/templates/list", () => ({ resourceTemplates: templates }))
    server.setRequestHandler("resources/read", async ({ params: { uri } }, context) => {
      const found = await during(Effect.either(read(uri)), context)
      if (found._tag === "Right") return { contents: [{ uri, ...found.right }] }
      if (found.left.kind === "UnknownResource") throw new ResourceNotFoundError(uri)
      throw new ProtocolError(ProtocolErrorCode.InvalidParams, Problem.toText(found.left))
    })
    return server
  }
  const idle = (): Promise<void> => open.size === 0 ? Promise.resolve() : Promise.all(open).then(idle)
  return { make, idle }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Calls under way at once (S1). */
const mostOpen = 32

const busy: Result = {
  text: Problem.toText(Problem.make(
    "Busy",
    `${mostOpen} calls are under way.`,
    "Wait for one of them, or start runs with background: true."
  )),
  value: undefined,
  links: [],
  isError: true
}

const byName: ReadonlyMap<string, Tool> = new Map(tools.map((tool) => [tool.name, tool]))

const listed = ({ description, hints, inputSchema, name, outputSchema, title }: Tool) => ({
  name,
  title,
  description,
  inputSchema,
  outputSchema,
  annotations: { title, ...hints }
})

const toWire = ({ isError, links, text, value }: Result): CallToolResult => ({
  content: [
    { type: "text", text },
    ...links.map((link) => ({ type: "resource_link" as const, ...link }))
  ],
  ...(value === undefined ? {} : { structuredContent: value }),
  ...(isError ? { isError } : {})
})

/** Progress for who asked for it. */
const tellingOf = ({ mcpReq }: ServerContext): Telling => {
  const token = mcpReq._meta?.progressToken
  let count = 0
  return {
    progress: (message) =>
      token === undefined ? Effect.void : Effect.ignore(Effect.tryPromise(() =>
        mcpReq.notify({
          method: "notifications/progress",
          params: { progressToken: token, progress: ++count, message: visible(message.slice(0, 500)) }
        })
      ))
  }
}

const templates = [
  {
    uriTemplate: "owf://runs/{run_id}/report{?home}",
    name: "Report of a run",
    description: "Everything about a run, as Markdown",
    mimeType: "text/markdown"
  },
  {
    uriTemplate: "owf://runs/{run_id}/output{?home}",
    name: "Output of a run",
    description: "What a run returned, as JSON",
    mimeType: "application/json"
  }
]

const Row = Schema.Struct({ id: Schema.String, status: Schema.String, workflow_name: Schema.String })

/** The reports of the newest runs. */
const resources = Effect.gen(function*() {
  const { home } = yield* Host
  const rows = yield* Commands.list("runs", Commands.options({ home: yield* home(undefined), limit: 20 }))
  return rows.filter(Schema.is(Row)).map(({ id, status, workflow_name }) => ({
    uri: Links.toUri({ run: id, what: "report", home: undefined }),
    name: `Report of run ${id}`,
    description: `${workflow_name}, ${status}`,
    mimeType: "text/markdown"
  }))
}).pipe(Effect.catchTag("Problem", () => Effect.succeed([])))

const read = (
  uri: string
): Effect.Effect<{ readonly mimeType: string; readonly text: string }, Problem.Problem, Host> =>
  Effect.gen(function*() {
    const address = Links.fromUri(uri)
    if (address === undefined) {
      return yield* Problem.make("UnknownResource", `There is nothing at ${uri.slice(0, 200)}.`)
    }
    const { home } = yield* Host
    const words = Commands.options({ home: yield* home(address.home) })
    if (address.what === "report") {
      const text = yield* Commands.text("report", [...words, "--stdout"], address.run)
      return { mimeType: "text/markdown", text: String(Bounds.fit({ text }).value["text"] ?? "") }
    }
    const { output } = yield* Status.read(address.run, words, { limit: 1 })
    const { isCut, value } = Bounds.fit({ output })
    // JSON that ends somewhere is none, and one that leaves things out without saying so is worse
    if (isCut) {
      return yield* Problem.make(
        "TooLong",
        "The output of the run is longer than a resource may be.",
        "owf_read_artifact gives its output.json piece by piece."
      )
    }
    return { mimeType: "application/json", text: JSON.stringify(value["output"], null, 2) }
  })
