/**
 * Nodes from what is written: one reader for each type, each with the fields that type knows.
 */
import * as Recovery from "../recovery/Recovery.ts"
import type {
  AgentNode,
  Body,
  BranchNode,
  EndNode,
  Node,
  Output,
  Prompt,
  ScriptNode,
  WaitNode,
  WorkflowNode
} from "./Flow.ts"
import type { Reading, Scope } from "./FlowDraft.ts"
import * as FlowDraft from "./FlowDraft.ts"
import * as FlowError from "./FlowError.ts"
import type { Fields } from "./FlowFields.ts"
import * as FlowFields from "./FlowFields.ts"
import * as NodeFields from "./FlowNodeFields.ts"
import type { MapValue, Value } from "./FlowSource.ts"

/**
 * Reads the nodes of a body.
 * @category models
 * @since 0.1.0
 */
export type ReadBody = (fields: Fields, owner: string) => Body

/**
 * The types of nodes.
 * @category constants
 * @since 0.1.0
 */
export const types = [
  "agent",
  "script",
  "branch",
  "for_each",
  "while",
  "parallel",
  "workflow",
  "wait",
  "terminal",
  "fail"
] as const satisfies ReadonlyArray<Node["type"]>

/**
 * Reads a node; what is missing in it is noted and stands as if it were empty.
 * @category converting
 * @since 0.1.0
 */
export const read = (
  reading: Reading,
  scope: Scope,
  map: MapValue,
  id: string,
  type: Node["type"],
  readBody: ReadBody
): Node => {
  const fields = FlowFields.open(reading.problems, map, `node '${id}'`, [...common, ...known[type]], hints)
  const { at } = map
  const next = () => FlowDraft.target(reading, scope, fields, "next", { from: id, isNeeded: true }) ?? ""
  switch (type) {
    case "agent":
      return agent(reading, fields, { id, at, next: next() })
    case "script":
      return script(reading, fields, { id, at, next: next() })
    case "branch":
      return branch(reading, scope, fields, { id, at })
    case "for_each":
      return {
        id,
        at,
        type,
        items: NodeFields.expression(fields, "items"),
        as: NodeFields.identifier(fields, "as", "item"),
        concurrency: FlowFields.number(fields, "concurrency", atOnce) ?? 1,
        body: readBody(fields, id),
        output: NodeFields.identifier(fields, "output", null),
        next: next()
      }
    case "while":
      return {
        id,
        at,
        type,
        condition: NodeFields.expression(fields, "condition"),
        as: NodeFields.identifier(fields, "as", "turn"),
        maxTurns: FlowFields.number(fields, "max_turns", { isWhole: true, least: 1, most: 1_000_000 }) ?? 100,
        body: readBody(fields, id),
        next: next()
      }
    case "parallel": {
      const branches = branchesOf(fields, id, readBody)
      const concurrency = FlowFields.number(fields, "concurrency", atOnce) ?? Math.max(branches.length, 1)
      return { id, at, type, branches, concurrency, next: next() }
    }
    case "workflow":
      return workflow(reading, fields, { id, at, next: next() })
    case "wait":
      return wait(fields, { id, at, next: next() })
    case "terminal":
    case "fail":
      return end(scope, fields, { id, at, type })
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type Place = Pick<Node, "at" | "id">
type Step = Place & { readonly next: string }

/** 20 minutes, as graphs have always had. */
const agentTimeoutMs = 1_200_000
const atOnce = { isWhole: true, least: 1, most: 1_000 }
const positive = { isWhole: true, least: 1 }

const common = ["id", "type", "description"]
const run = ["args", "outputs", "timeout", "idle_timeout", "retry", "next"]
const known: { readonly [type in Node["type"]]: ReadonlyArray<string> } = {
  agent: [
    "prompt",
    "prompt_text",
    "model",
    "provider",
    "isolation",
    "read_scope",
    "write_scope",
    "permissions",
    "recover",
    "on_exhausted",
    "budget",
    ...run
  ],
  script: ["script", "env", "input", ...run],
  branch: ["path", "cases", "conditions", "when", "default"],
  for_each: ["items", "as", "concurrency", "output", "start", "nodes", "next"],
  while: ["condition", "as", "max_turns", "start", "nodes", "next"],
  parallel: ["branches", "concurrency", "next"],
  workflow: ["workflow", "args", "output", "next"],
  wait: ["until", "for", "file", "approval", "timeout", "output", "next"],
  terminal: ["message"],
  fail: ["message"]
}

const asProgram = "Name the program in 'script' and give it values in 'args', 'env' or 'input'; no shell reads them."
const hints: ReadonlyMap<string, string> = new Map([
  ["run", asProgram],
  ["command", asProgram],
  ["cmd", asProgram],
  ["shell", asProgram],
  ["environment", "Did you mean env?"],
  ["body", "Its nodes stand in 'nodes'."]
])

const agent = (reading: Reading, fields: Fields, step: Step): AgentNode => {
  const outputs = NodeFields.outputs(fields)
  const texts = (key: string) => FlowFields.literals(fields, key)
  return {
    ...step,
    type: "agent",
    prompt: prompt(reading, fields),
    args: FlowFields.templates(fields, "args"),
    outputs,
    model: FlowFields.literal(fields, "model"),
    provider: FlowFields.literal(fields, "provider"),
    timeoutMs: NodeFields.timeout(fields, "timeout", agentTimeoutMs),
    idleTimeoutMs: NodeFields.timeout(fields, "idle_timeout"),
    isolation: FlowFields.choice(fields, "isolation", ["none", "worktree"]) ?? "none",
    readScope: texts("read_scope"),
    writeScope: texts("write_scope"),
    permissions: texts("permissions"),
    recover: recover(fields),
    onExhausted: onExhausted(fields, outputs),
    budget: budget(fields),
    retry: NodeFields.retry(fields)
  }
}

const prompt = (reading: Reading, fields: Fields): Prompt => {
  const written = FlowFields.scalar(fields, "prompt_text")
  const isFile = FlowFields.value(fields, "prompt") !== undefined
  const nothing = { template: { source: "", at: fields.at }, file: null }
  if (written !== null && isFile) {
    FlowFields.refuse(fields, "prompt_text", "stands beside 'prompt'", "Keep one of them.")
    return nothing
  }
  if (written !== null) {
    if (written.text.trim() === "") FlowFields.refuse(fields, "prompt_text", "is empty")
    return { template: FlowFields.templateOf(written), file: null }
  }
  if (!isFile) {
    FlowFields.missing(fields, "prompt", "Name a file in 'prompt', or write the text in 'prompt_text'.")
    return nothing
  }
  const text = FlowFields.scalar(fields, "prompt")?.text ?? ""
  if (/\n\s*\S/.test(text)) {
    FlowFields.refuse(fields, "prompt", "names a file", "Write the text itself in 'prompt_text'.")
    return nothing
  }
  const file = FlowDraft.file(reading, fields, "prompt", "prompt")
  return { template: { source: "", at: { file, line: 1, column: 1 } }, file }
}

const recover = (fields: Fields): ReadonlyArray<string> | null =>
  FlowFields.scalars(fields, "recover")?.flatMap(({ at, text }) => {
    if (Recovery.names.some((name) => name === text)) return [text]
    const advice = FlowFields.suggest(text, Recovery.names) ?? `What is known: ${Recovery.names.join(", ")}.`
    fields.problems.push(FlowError.error(at, `'recover' of ${fields.what} names '${FlowFields.clip(text)}'`, advice))
    return []
  }) ?? null

/** Values stand in where each output has one, or where the graph says that nothing may stand in for the others. */
const onExhausted = (fields: Fields, outputs: ReadonlyArray<Output>): AgentNode["onExhausted"] => {
  const said = FlowFields.choice(fields, "on_exhausted", ["stop", "default"])
  if (said !== null) return said
  const without = outputs.filter((output) => output.default === undefined).map(({ key }) => `'${key}'`)
  if (outputs.length === 0 || without.length === outputs.length) return "stop"
  if (without.length === 0) return "default"
  fields.problems.push(FlowError.warning(
    FlowFields.placeOf(fields, "outputs"),
    `${fields.what} has a default for some outputs but not for ${
      without.join(", ")
    }, so none is used and the run stops`,
    "Give each one a default, or write 'on_exhausted: default' for null in their place."
  ))
  return "stop"
}

const budget = (fields: Fields): AgentNode["budget"] => {
  const found = FlowFields.value(fields, "budget")
  if (found === undefined) return null
  if (found._tag !== "Map") return FlowFields.refuse(fields, "budget", "has to be a map of tokens and usd")
  const inner = FlowFields.open(fields.problems, found, `'budget' of ${fields.what}`, ["tokens", "usd"])
  return {
    tokens: FlowFields.number(inner, "tokens", positive) ?? undefined,
    costUsd: FlowFields.number(inner, "usd", { isWhole: false, least: 0 }) ?? undefined
  }
}

const script = (reading: Reading, fields: Fields, step: Step): ScriptNode => {
  const environment = FlowFields.templates(fields, "env")
  for (const [name, { at }] of environment) {
    if (/^[A-Za-z_]\w*$/.test(name)) continue
    reading.problems.push(
      FlowError.error(at, `'${FlowFields.clip(name)}' in 'env' of ${fields.what} is no name of a variable`)
    )
  }
  return {
    ...step,
    type: "script",
    script: FlowDraft.file(reading, fields, "script", "script"),
    args: FlowFields.scalars(fields, "args")?.map(FlowFields.templateOf) ?? [],
    environment,
    input: FlowFields.template(fields, "input"),
    outputs: NodeFields.outputs(fields),
    timeoutMs: NodeFields.timeout(fields, "timeout"),
    idleTimeoutMs: NodeFields.timeout(fields, "idle_timeout"),
    retry: NodeFields.retry(fields)
  }
}

const branch = (reading: Reading, scope: Scope, fields: Fields, place: Place): BranchNode => {
  const from = place.id
  const path = FlowFields.literal(fields, "path")
  const cases = FlowFields.value(fields, "cases")
  const targets = cases?._tag === "Map"
    ? FlowFields.open(reading.problems, cases, `'cases' of ${fields.what}`, cases.entries.map(({ key }) => key))
    : undefined
  if (cases !== undefined && targets === undefined) {
    FlowFields.refuse(fields, "cases", "has to be a map of values and nodes")
  }
  const conditions = NodeFields.conditions(reading, scope, fields, from)
  if (
    path === null && FlowFields.value(fields, "path") === undefined && (cases !== undefined || conditions.length > 0)
  ) {
    FlowFields.missing(fields, "path", "It says which value 'cases' and 'conditions' look at.")
  }
  return {
    ...place,
    type: "branch",
    path,
    cases: new Map([...targets?.entries.keys() ?? []].flatMap((key) => {
      const next = targets === undefined
        ? null
        : FlowDraft.target(reading, scope, targets, key, {
          from,
          isNeeded: true,
          label: `the case '${FlowFields.clip(key)}'`
        })
      return next === null ? [] : [[key, next]]
    })),
    conditions,
    when: FlowFields.maps(fields, "when", "'when'").flatMap((map) => {
      const inner = FlowFields.open(fields.problems, map, `'when' of ${fields.what}`, ["if", "next"])
      const holds = NodeFields.expression(inner, "if")
      const next = FlowDraft.target(reading, scope, inner, "next", { from, isNeeded: true })
      return next === null ? [] : [{ if: holds, next }]
    }),
    default: FlowDraft.target(reading, scope, fields, "default", { from, isNeeded: false })
  }
}

const branchesOf = (fields: Fields, id: string, readBody: ReadBody): ReadonlyArray<Body> => {
  const found = FlowFields.items(fields, "branches")
  if (found === null || found.length === 0) {
    if (FlowFields.value(fields, "branches") === undefined) FlowFields.missing(fields, "branches")
    else if (found !== null) FlowFields.refuse(fields, "branches", "is empty")
    return []
  }
  return found.flatMap((item, index) => {
    const map = asBody(item)
    const what = `branch ${index + 1} of ${fields.what}`
    if (map !== null) {
      return [readBody(FlowFields.open(fields.problems, map, what, ["start", "nodes", "description"]), id)]
    }
    fields.problems.push(FlowError.error(item.at, `${what} has to be a list of nodes`))
    return []
  })
}

/** A branch is a map of `start` and `nodes`, or the nodes alone. */
const asBody = (item: Value): MapValue | null => {
  if (item._tag === "Map") return item
  return item._tag === "List"
    ? { _tag: "Map", at: item.at, entries: [{ key: "nodes", at: item.at, value: item }] }
    : null
}

const workflow = (reading: Reading, fields: Fields, step: Step): WorkflowNode => ({
  ...step,
  type: "workflow",
  workflow: FlowDraft.file(reading, fields, "workflow", "workflow"),
  args: NodeFields.childArgs(fields),
  output: NodeFields.identifier(fields, "output", null)
})

const wait = (fields: Fields, step: Step): WaitNode => ({
  ...step,
  type: "wait",
  until: until(fields),
  timeoutMs: NodeFields.timeout(fields, "timeout"),
  output: NodeFields.identifier(fields, "output", null)
})

const until = (fields: Fields): WaitNode["until"] => {
  const [what, second] = ["until", "for", "file", "approval"].filter((key) =>
    FlowFields.value(fields, key) !== undefined
  )
  if (second !== undefined) {
    FlowFields.refuse(fields, second, `stands beside '${what ?? ""}'`, "A node waits for one thing.")
  }
  switch (what) {
    case "until": {
      const at = FlowFields.template(fields, "until") ?? { source: "", at: fields.at }
      if (!/\{[{%]/.test(at.source) && !/^\d{4}-\d\d-\d\d(?:[ Tt].*)?$/.test(at.source.trim())) {
        FlowFields.refuse(
          fields,
          "until",
          "has to be a time",
          "Write it as 2026-08-01T09:00:00Z, or a length of time in 'for'."
        )
      }
      return { _tag: "Time", at }
    }
    case "for":
      return { _tag: "Duration", millis: FlowFields.duration(fields, "for") ?? 0 }
    case "file":
      return { _tag: "File", path: FlowFields.template(fields, "file") ?? { source: "", at: fields.at } }
    case "approval": {
      const asked = FlowFields.scalar(fields, "approval")
      if (asked?.value === false) FlowFields.refuse(fields, "approval", "has to be true, or what is asked")
      return { _tag: "Approval", prompt: typeof asked?.value === "string" ? FlowFields.templateOf(asked) : null }
    }
    default:
      FlowFields.missing(fields, "until", "It waits 'until' a time, 'for' a time, for a 'file', or for an 'approval'.")
      return { _tag: "Duration", millis: 0 }
  }
}

const end = (scope: Scope, fields: Fields, node: Place & Pick<EndNode, "type">): EndNode => {
  if (scope.owner !== null && node.type === "terminal") {
    FlowFields.refuse(fields, "type", "is 'terminal', which ends the run", "Write 'next: end' where the body ends.")
  }
  scope.ends.add(node.id)
  return { ...node, message: FlowFields.template(fields, "message") }
}
