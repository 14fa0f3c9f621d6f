import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import { Owf, OwfTest, RunStore, Scripted } from "open-agent-workflows"
import type { EndNode, Flow, Json, Node, Output, Template, Variable } from "../../src/graph/Flow.ts"
import type { Options } from "../../src/graph/FlowProgram.ts"
import * as FlowProgram from "../../src/graph/FlowProgram.ts"
import type { Provider } from "../../src/provider/Provider.ts"

/** Where everything of a graph made here is. */
export const at = { file: "/flows/flow.yaml", line: 1, column: 1 }

export const text = (source: string): Template => ({ source, at })

export const output = (key: string, fields: Partial<Output> = {}): Output => ({
  key,
  schema: null,
  default: undefined,
  at,
  ...fields
})

export const variable = (name: string, value: Json, fields: Partial<Variable> = {}): Variable => ({
  name,
  value,
  schema: null,
  isRequired: false,
  at,
  ...fields
})

type Of<T extends Node["type"]> = Extract<Node, { readonly type: T }>
type Given<T extends Node["type"]> = Partial<Omit<Of<T>, "type" | "id" | "at">>

export const agent = (id: string, prompt: string, fields: Given<"agent"> = {}): Of<"agent"> => ({
  id,
  at,
  type: "agent",
  prompt: { template: text(prompt), file: null },
  args: new Map(),
  outputs: [],
  model: null,
  provider: null,
  timeoutMs: null,
  idleTimeoutMs: null,
  isolation: "none",
  readScope: null,
  writeScope: null,
  permissions: null,
  recover: null,
  onExhausted: "stop",
  budget: null,
  retry: null,
  next: "end",
  ...fields
})

export const script = (id: string, file: string, fields: Given<"script"> = {}): Of<"script"> => ({
  id,
  at,
  type: "script",
  script: file,
  args: [],
  environment: new Map(),
  input: null,
  outputs: [],
  timeoutMs: null,
  idleTimeoutMs: null,
  retry: null,
  next: "end",
  ...fields
})

export const branch = (id: string, fields: Given<"branch"> = {}): Of<"branch"> => ({
  id,
  at,
  type: "branch",
  path: null,
  cases: new Map(),
  conditions: [],
  when: [],
  default: null,
  ...fields
})

export const body = (...nodes: ReadonlyArray<Node>) => ({
  start: nodes[0]?.id ?? "end",
  nodes: new Map(nodes.map((node) => [node.id, node]))
})

export const forEach = (
  id: string,
  items: string,
  nodes: ReadonlyArray<Node>,
  fields: Given<"for_each"> = {}
): Of<"for_each"> => ({
  id,
  at,
  type: "for_each",
  items: text(items),
  as: "item",
  concurrency: 1,
  body: body(...nodes),
  output: null,
  next: "end",
  ...fields
})

export const loop = (
  id: string,
  condition: string,
  nodes: ReadonlyArray<Node>,
  fields: Given<"while"> = {}
): Of<"while"> => ({
  id,
  at,
  type: "while",
  condition: text(condition),
  as: "turn",
  maxTurns: 100,
  body: body(...nodes),
  next: "end",
  ...fields
})

export const parallel = (
  id: string,
  branches: ReadonlyArray<ReadonlyArray<Node>>,
  fields: Given<"parallel"> = {}
): Of<"parallel"> => ({
  id,
  at,
  type: "parallel",
  branches: branches.map((nodes) => body(...nodes)),
  concurrency: branches.length,
  next: "end",
  ...fields
})

export const child = (id: string, workflow: string, fields: Given<"workflow"> = {}): Of<"workflow"> => ({
  id,
  at,
  type: "workflow",
  workflow,
  args: new Map(),
  output: null,
  next: "end",
  ...fields
})

export const wait = (id: string, until: Of<"wait">["until"], fields: Given<"wait"> = {}): Of<"wait"> => ({
  id,
  at,
  type: "wait",
  until,
  timeoutMs: null,
  output: null,
  next: "end",
  ...fields
})

export const end = (id: string, type: "terminal" | "fail" = "terminal", message?: string): EndNode => ({
  id,
  at,
  type,
  message: message === undefined ? null : text(message)
})

export const flow = (nodes: ReadonlyArray<Node>, fields: Partial<Omit<Flow, "nodes" | "start">> = {}): Flow => ({
  name: "flow",
  description: "",
  file: at.file,
  digest: "0".repeat(64),
  variables: [],
  limits: { transitions: undefined, wallClockMs: undefined, tokens: undefined, costUsd: undefined },
  ...body(...nodes),
  ...fields
})

/** A graph as a workflow that reaches the files there are and no others' workflows. */
export const workflow = (flow: Flow, options: Partial<Options> = {}) =>
  FlowProgram.toWorkflow(flow, {
    load: (path) => Effect.fail({ message: `there is no ${path}` }),
    exists: (path) => Effect.sync(() => Fs.existsSync(path)),
    ...options
  })

export const latest = Effect.flatMap(RunStore.RunStore, (store) => store.run("latest"))

/** A home that stays, with programs in reach. */
export const optionsAt = (home: string, provider: Provider): Owf.Options => ({
  home,
  provider: provider.name,
  providers: [provider],
  environment: { PATH: process.env["PATH"] }
})

export const layerAt = (home: string, provider: Provider = Scripted.make([])) => Owf.layer(optionsAt(home, provider))

export const layer = (provider: Provider, options: OwfTest.Options = {}) => OwfTest.layer({ provider, ...options })
