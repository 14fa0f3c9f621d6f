/**
 * Graphs from files: read, checked, and with every file they name.
 *
 * - L1. A graph that loads can be run: what names a node, a file or a type has been found, and every text can be read.
 * - L2. Everything that is wrong is told at once, of the graph and of the graphs it runs.
 * - L3. Nothing that is read is run, and no file makes it take longer than its size allows.
 * - L4. The digest changes with the graph, with every prompt, include and script, and with the workflows it runs.
 */
import type * as FileSystem from "@effect/platform/FileSystem"
import * as Path from "@effect/platform/Path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Encoding from "effect/Encoding"
import * as CanonicalJson from "../internal/canonicalJson.ts"
import * as sha256 from "../internal/sha256.ts"
import type { Body, Flow, Node, WorkflowNode } from "./Flow.ts"
import * as FlowCheck from "./FlowCheck.ts"
import * as FlowCommand from "./FlowCommand.ts"
import type { Draft, FileReference } from "./FlowDraft.ts"
import type { Problem } from "./FlowError.ts"
import * as FlowError from "./FlowError.ts"
import * as FlowFields from "./FlowFields.ts"
import type { Files } from "./FlowFiles.ts"
import * as FlowFiles from "./FlowFiles.ts"
import * as FlowNames from "./FlowNames.ts"
import * as FlowRisk from "./FlowRisk.ts"
import * as FlowSchema from "./FlowSchema.ts"
import * as FlowSource from "./FlowSource.ts"
import * as FlowTyping from "./FlowTyping.ts"

/**
 * A graph that can be run, and what is probably not meant in it.
 * @category models
 * @since 0.1.0
 */
export interface Checked {
  readonly flow: Flow
  readonly warnings: ReadonlyArray<Problem>
}

/**
 * Loads a graph.
 * @category constructors
 * @since 0.1.0
 */
export const load = (
  file: string
): Effect.Effect<Flow, FlowError.FlowErrors, FileSystem.FileSystem | Path.Path> =>
  Effect.map(check(file), ({ flow }) => flow)

/**
 * Loads a graph and tells what is probably not meant in it.
 * @category constructors
 * @since 0.1.0
 */
export const check: (
  file: string
) => Effect.Effect<Checked, FlowError.FlowErrors, FileSystem.FileSystem | Path.Path> = Effect.fn("FlowFile.check")(
  function*(file: string) {
    const path = yield* Path.Path
    const absolute = path.resolve(file)
    const { flow, problems } = yield* read(absolute, [], new Map())
    const sorted = FlowError.inOrder(problems)
    return flow === null || sorted.some(FlowError.isError)
      ? yield* new FlowError.FlowErrors({ file: absolute, problems: sorted })
      : { flow, warnings: sorted }
  }
)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Loaded {
  readonly flow: Flow | null
  readonly problems: ReadonlyArray<Problem>
}

type Known = Map<string, Loaded>

/** Graphs that run graphs. */
const maxChain = 16

const read = (
  file: string,
  chain: ReadonlyArray<string>,
  known: Known
): Effect.Effect<Loaded, never, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const path = yield* Path.Path
    const start = { file, line: 1, column: 1 }
    const found = yield* Effect.either(FlowFiles.bytesOf(file, FlowSource.maxBytes))
    if (Either.isLeft(found)) return { flow: null, problems: [FlowError.error(start, `the file ${found.left}`)] }
    const source = FlowSource.parse(file, found.right.bytes)
    if (source.value === null && source.problems.length > 0) return { flow: null, problems: source.problems }
    const { dir, name } = path.parse(file)
    const draft = FlowSchema.read(source.value, { file, name, resolve: (written) => path.resolve(dir, written) })
    if (draft.flow === null) return { flow: null, problems: [...source.problems, ...draft.problems] }
    const files = yield* FlowFiles.read(draft.files, dir)
    const flow = withPrompts(draft.flow, files)
    const children = yield* readChildren(draft, [...chain, file], known)
    const digest = digestOf(dir, path, found.right.bytes, files, children)
    return {
      flow: { ...flow, ...digest },
      problems: [
        ...source.problems,
        ...draft.problems,
        ...FlowCheck.check(draft),
        ...FlowRisk.check(draft.flow),
        ...files.problems,
        ...scriptsOf(flow).flatMap(FlowCommand.check),
        ...FlowNames.check(flow),
        ...(yield* FlowTyping.check(flow)),
        ...children.problems
      ]
    }
  })

const scriptsOf = (flow: Flow) => [...FlowCheck.allNodes(flow)].flatMap((node) => node.type === "script" ? [node] : [])

/** The same nodes with what the files of their prompts say. */
const withPrompts = <A extends Body>(body: A, files: Files): A => ({
  ...body,
  nodes: new Map([...body.nodes].map(([id, node]) => [id, withPrompt(node, files)]))
})

const withPrompt = (node: Node, files: Files): Node => {
  switch (node.type) {
    case "agent": {
      const text = node.prompt.file === null ? undefined : files.prompts.get(node.prompt.file)
      return text === undefined ? node : { ...node, prompt: { ...node.prompt, ...text } }
    }
    case "for_each":
    case "while":
      return { ...node, body: withPrompts(node.body, files) }
    case "parallel":
      return { ...node, branches: node.branches.map((body) => withPrompts(body, files)) }
    case "script":
    case "branch":
    case "workflow":
    case "wait":
    case "terminal":
    case "fail":
      return node
  }
}

interface Children {
  readonly digests: ReadonlyMap<string, string>
  readonly problems: ReadonlyArray<Problem>
}

const readChildren = (
  { files, flow }: Draft,
  chain: ReadonlyArray<string>,
  known: Known
): Effect.Effect<Children, never, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const digests = new Map<string, string>()
    const problems: Array<Problem> = []
    for (const reference of files) {
      if (reference.kind !== "workflow") continue
      const { digest, flow: child, problems: found } = yield* readChild(reference, chain, known)
      digests.set(reference.path, digest)
      problems.push(...found)
      if (child !== null) problems.push(...nodesRunning(flow, child.file).flatMap((node) => checkArgs(node, child)))
    }
    return { digests, problems }
  })

const nodesRunning = (flow: Flow, file: string): ReadonlyArray<WorkflowNode> =>
  [...FlowCheck.allNodes(flow)].flatMap((node) => node.type === "workflow" && node.workflow === file ? [node] : [])

const readChild = (
  { at, path: file, written }: FileReference,
  chain: ReadonlyArray<string>,
  known: Known
): Effect.Effect<Loaded & { readonly digest: string }, never, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const refused = (detail: string, advice: string | null = null) => ({
      flow: null,
      digest: "",
      problems: [FlowError.error(at, detail, advice)]
    })
    if (chain.includes(file)) {
      const names = [...chain.slice(chain.indexOf(file)), file].map((one) => one.slice(one.lastIndexOf("/") + 1))
      return refused(`the workflow '${written}' runs itself: ${names.join(" → ")}`, "Use a loop, or a 'while' node.")
    }
    if (chain.length > maxChain) return refused(`more than ${maxChain} workflows run each other, down to '${written}'`)
    const isGraph = /\.ya?ml$/i.test(file)
    if (!isGraph && !/\.[cm]?[jt]s$/i.test(file)) {
      return refused(
        `the workflow '${written}' is neither a graph nor a program`,
        "It ends in .yaml, .yml, .ts or .js."
      )
    }
    const found = yield* Effect.either(FlowFiles.bytesOf(file, FlowSource.maxBytes))
    if (Either.isLeft(found)) return refused(`the workflow '${written}' ${found.left}`)
    if (!isGraph) return { flow: null, digest: digestBytes(found.right.bytes), problems: [] }
    const loaded = known.get(file) ?? (yield* read(file, chain, known))
    known.set(file, loaded)
    return { ...loaded, digest: loaded.flow?.digest ?? "" }
  })

const checkArgs = ({ args, at, id }: WorkflowNode, { name, variables }: Flow): ReadonlyArray<Problem> => {
  const names = variables.map((variable) => variable.name)
  const unknown = [...args].filter(([key]) => !names.includes(key)).map(([key, value]) =>
    FlowError.error(
      value.at,
      `the workflow '${name}' takes no '${FlowFields.clip(key)}'`,
      FlowFields.suggest(key, names)
    )
  )
  const missing = variables.filter((variable) => variable.isRequired && !args.has(variable.name)).map((variable) =>
    FlowError.error(
      at,
      `node '${id}' does not give '${variable.name}', which the workflow '${name}' needs`,
      "Give it in 'args'."
    )
  )
  return [...unknown, ...missing]
}

const digestBytes = (bytes: Uint8Array): string => sha256.hex(Encoding.encodeBase64(bytes))

/** By the paths between the files, so that the same graph in another directory has the same digest. */
const digestOf = (
  directory: string,
  path: Path.Path,
  bytes: Uint8Array,
  files: Files,
  children: Children
): { readonly digest: string } => {
  const parts = [...files.digests, ...children.digests].map((
    [file, digest]
  ) => [path.relative(directory, file), digest])
  return {
    digest: sha256.hex(CanonicalJson.encodeUnsafe({ graph: digestBytes(bytes), files: Object.fromEntries(parts) }))
  }
}
