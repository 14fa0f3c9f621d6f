/**
 * What each type of node does, as statements of a program.
 */
import type {
  AgentNode,
  ForEachNode,
  Node,
  ParallelNode,
  ScriptNode,
  WaitNode,
  WhileNode,
  WorkflowNode
} from "./Flow.ts"
import * as Files from "./FlowEjectFile.ts"
import * as Print from "./FlowEjectPrint.ts"
import type { State } from "./FlowEjectScope.ts"
import type { Stmt, Stmts } from "./FlowEjectShape.ts"
import type { Known, Names } from "./FlowEjectText.ts"
import * as Texts from "./FlowEjectText.ts"
import * as Types from "./FlowEjectTypes.ts"
import type { Place, Writer } from "./FlowEjectWriter.ts"
import * as Writers from "./FlowEjectWriter.ts"
import * as Reply from "./Reply.ts"

/**
 * Whether a node, or one inside of it, is known to the run by a name that tells its visits apart.
 * @category predicates
 * @since 0.1.0
 */
export const isNamed = (node: Node): boolean => {
  switch (node.type) {
    case "wait":
    case "workflow":
      return true
    case "agent":
    case "script":
      return node.retry !== null
    case "for_each":
    case "while":
      return [...node.body.nodes.values()].some(isNamed)
    case "parallel":
      return node.branches.some((branch) => [...branch.nodes.values()].some(isNamed))
    default:
      return false
  }
}

/**
 * The statements of a node.
 * @category converting
 * @since 0.1.0
 */
export const codeOf = (writer: Writer, node: Node, place: Place): Stmts => {
  const state = writer.survey.states.get(node.id)
  const visit: Visit = { writer, place, state, names: Writers.namesAt(writer, place.frame, state) }
  switch (node.type) {
    case "agent":
      return [...begin(visit, node), ...called(visit, node, node.outputs.map(({ key }) => key), agent(visit, node))]
    case "script":
      return [...begin(visit, node), ...called(visit, node, node.outputs.map(({ key }) => key), script(visit, node))]
    case "for_each":
      return [...begin(visit, node), ...forEach(visit, node)]
    case "while":
      return [...begin(visit, node), ...loop(visit, node)]
    case "parallel":
      return [...begin(visit, node), ...parallel(visit, node)]
    case "workflow":
      return [...begin(visit, node), ...child(visit, node)]
    case "wait":
      return wait(visit, node)
    case "branch":
    case "terminal":
    case "fail":
      return []
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Visit {
  readonly writer: Writer
  readonly place: Place
  readonly state: State | undefined
  readonly names: Names
}

const code = (text: string, node?: string): Stmt => ({ _tag: "Code", text, node })

const begin = ({ place, writer }: Visit, { id }: Node): Stmts =>
  place.isTop ? [code(`yield* ${writer.file.verb("phase")}(${Print.quote(id)})`)] : []

/** The name of a visit, as an expression. */
const visited = ({ place }: Visit, { id }: Node): string => {
  if (place.come !== null) return `yield* ${place.come}(${Print.quote(id)})`
  return place.path === "" ? Print.quote(id) : `\`${place.path}/${Print.inBackticks(id)}\``
}

const labelOf = ({ place }: Visit, { id }: Node): string =>
  place.suffix === "" ? Print.quote(id) : `\`${Print.inBackticks(id)}${place.suffix}\``

// -----------------------------------------------------------------------------
// variables
// -----------------------------------------------------------------------------

interface Value {
  /** An expression. */
  readonly code: string
  /** What has to be done before it. */
  readonly before: Stmts
}

/** Puts the fields of a value in the variables that are used. */
const called = (visit: Visit, node: Node, keys: ReadonlyArray<string>, { before, code: given }: Value): Stmts => {
  const { place: { frame }, writer } = visit
  const value = keys.length === 0 ? given : `yield* ${Print.call("FlowSteps.bounded", [Print.quote(node.id), given])}`
  const used = keys.filter((name) => Writers.isRead(writer, frame, name))
  const [only] = used
  if (only === undefined) return [...before, code(value, node.id)]
  if (used.every((name) => Writers.isConstant(writer, frame, name))) {
    const fields = used.map((name) => {
      const { id } = Writers.slotOf(writer, frame, name)
      return id === name ? name : `${Print.key(name)}: ${id}`
    })
    return [...before, code(`const ${Print.object(fields)} = ${value}`, node.id)]
  }
  const whole = writer.file.name(`${node.id}_answer`)
  const puts = used.map((name) => {
    const { id } = Writers.slotOf(writer, frame, name)
    const keyword = Writers.isConstant(writer, frame, name) ? "const " : ""
    return code(`${keyword}${id} = ${Print.field(whole, name)}`)
  })
  return [...before, code(`const ${whole} = ${value}`, node.id), ...puts]
}

/** Puts a value in the variable of a name, where that is used. */
const assigned = ({ place: { frame }, writer }: Visit, node: Node, name: string | null, value: string): Stmts => {
  if (name === null) return [code(value, node.id)]
  const given = `yield* ${Print.call("FlowSteps.boundedAs", [Print.quote(node.id), Print.quote(name), value])}`
  if (!Writers.isRead(writer, frame, name)) return [code(given, node.id)]
  const { id } = Writers.slotOf(writer, frame, name)
  return [code(`${Writers.isConstant(writer, frame, name) ? "const " : ""}${id} = ${given}`, node.id)]
}

// -----------------------------------------------------------------------------
// calls
// -----------------------------------------------------------------------------

const schemaOf = ({ writer }: Visit, node: AgentNode | ScriptNode): ReadonlyArray<string> => {
  if (node.outputs.length === 0) return []
  const schema = Reply.schemaOf(node.outputs)
  const name = Files.pascal(node.id)
  const type = writer.file.type(`${name}Answer`, schema)
  return [`schema: ${writer.file.constant(name, Types.jsonSchema(type, schema))}`]
}

const integer = { type: "integer" }

/** What a prompt knows beside what the node knows: its arguments, the time it has, and the number of the try. */
const promptNames = (visit: Visit, node: AgentNode): { readonly names: Names; readonly before: Stmts } => {
  const before: Array<Stmt> = []
  const outer = node.retry === null ? visit.names : withNames(visit.names, new Map([["retry", retryNumber]]))
  const own = new Map<string, Known>()
  for (const [name, template] of node.args) {
    const constant = Texts.constant(template)
    const text = constant === undefined ? Texts.text(template, outer) : Print.quote(constant)
    const isName = Print.isIdentifier(text) || constant !== undefined
    const id = isName ? text : visit.writer.file.name(`${node.id}_${name}`)
    if (!isName) before.push(code(`const ${id} = ${text}`))
    own.set(name, { code: id, type: { type: "string" }, isThere: true, text: constant })
  }
  for (const [name, millis] of [["node_timeout_s", 1_000], ["node_timeout_min", 60_000]] as const) {
    const count = node.timeoutMs === null
      ? undefined
      : (name === "node_timeout_s" ? Math.trunc : Math.round)(node.timeoutMs / millis)
    own.set(name, {
      code: count === undefined ? `(yield* FlowKit.times).${name}` : String(count),
      type: integer,
      isThere: true,
      text: count === undefined ? undefined : String(count)
    })
  }
  return { names: withNames(outer, own), before }
}

const retryNumber: Known = { code: "current.retry", type: integer, isThere: true }

const withNames = (names: Names, more: ReadonlyMap<string, Known>): Names => ({
  ...names,
  find: (name) => more.get(name) ?? names.find(name)
})

const agent = (visit: Visit, node: AgentNode): Value => {
  const { writer } = visit
  writer.file.verb("agent")
  const { before, names } = promptNames(visit, node)
  const text = Texts.prompt(node.prompt, names, node.id)
  const time = node.timeoutMs === null ? "(yield* FlowKit.times).node_timeout_s * 1_000" : String(node.timeoutMs)
  const prompt = node.retry === null ? text : Print.call("current.prompt", [text, time])
  const options = [
    `...(yield* ${Print.call("FlowKit.options", [], placeOf(node))})`,
    `label: ${labelOf(visit, node)}`,
    ...schemaOf(visit, node),
    ...node.timeoutMs === null ? [] : [`timeout: ${Writers.durationOf(node.timeoutMs)}`],
    ...node.idleTimeoutMs === null ? [] : [`idleTimeout: ${Writers.durationOf(node.idleTimeoutMs)}`],
    ...node.budget === null ? [] : [`budget: ${Print.literal(defined(node.budget))}`]
  ]
  const call = Print.call("agent", [prompt], options)
  const value = node.outputs.length === 0 ? `yield* ${call}` : `(yield* ${call}).value`
  return tried(visit, node, { code: value, before }, true)
}

const defined = (fields: object) =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))

const placeOf = (node: AgentNode): ReadonlyArray<string> => {
  const standsIn = node.onExhausted === "default" && node.outputs.length > 0
  const defaults = Object.fromEntries(node.outputs.map(({ default: value, key }) => [key, value ?? null]))
  return [
    ...node.provider === null ? [] : [`provider: ${Print.quote(node.provider)}`],
    ...node.model === null ? [] : [`model: ${Print.quote(node.model)}`],
    ...node.isolation === "none" ? [] : [`isolation: ${Print.quote(node.isolation)}`],
    ...node.readScope === null ? [] : [`readScope: ${Print.literal(node.readScope)}`],
    ...node.writeScope === null ? [] : [`writeScope: ${Print.literal(node.writeScope)}`],
    ...node.permissions === null ? [] : [`permissions: ${Print.literal(node.permissions)}`],
    ...node.recover === null ? [] : [`recover: ${Print.literal(node.recover)}`],
    ...standsIn ? [`fallback: ${Print.literal(defaults)}`] : [],
    ...standsIn && node.retry !== null ? ["standsIn: current.isLast"] : []
  ]
}

const script = (visit: Visit, node: ScriptNode): Value => {
  const { flow, options } = visit.writer
  let isNumbered = false
  const names: Names = node.retry === null ? visit.names : {
    ...visit.names,
    find: (name) => {
      if (name !== "retry") return visit.names.find(name)
      isNumbered = true
      return retryNumber
    }
  }
  const directory = directoryOf(visit)
  const way = options.relative(folderOf(flow.file), node.script)
  const program = [
    `script: FlowPaths.resolve(${directory}, ${Print.quote(way)})`,
    ...node.args.length === 0 ? [] : [`args: ${Print.list(node.args.map((arg) => Texts.text(arg, names)))}`],
    `cwd: ${directory}`,
    ...node.environment.size === 0
      ? []
      : [
        `environment: ${
          Print.object([...node.environment].map(([name, value]) => `${Print.key(name)}: ${Texts.text(value, names)}`))
        }`
      ],
    ...node.input === null ? [] : [`input: ${Texts.text(node.input, names)}`]
  ]
  const more = [
    `label: ${labelOf(visit, node)}`,
    ...schemaOf(visit, node),
    ...node.timeoutMs === null ? [] : [`timeout: ${Writers.durationOf(node.timeoutMs)}`],
    ...node.idleTimeoutMs === null ? [] : [`idleTimeout: ${Writers.durationOf(node.idleTimeoutMs)}`]
  ]
  const value = `yield* ${Print.call("FlowKit.script", [Print.object(program)], more)}`
  return tried(visit, node, { code: value, before: [] }, isNumbered)
}

const folderOf = (file: string): string => file.slice(0, Math.max(file.lastIndexOf("/"), file.lastIndexOf("\\")))

/** The directory of the graph, from where the program stands. */
const directoryOf = ({ writer: { file, flow, options } }: Visit): string => {
  const way = options.relative(options.directory, folderOf(flow.file))
  const more = way === "" || way === "." ? "" : `, ${Print.quote(way)}`
  return file.constant("directory", `FlowPaths.directory(import.meta.url${more})`)
}

const tried = (visit: Visit, node: AgentNode | ScriptNode, value: Value, usesTry: boolean): Value => {
  if (node.retry === null) return value
  const { attempts, delayMs } = node.retry
  const retry = [`attempts: ${attempts}`, ...delayMs === 0 ? [] : [`delay: ${Writers.durationOf(delayMs)}`]]
  const body = Print.print([...value.before, code(`return ${value.code}`)], (label) => label)
  return {
    before: [],
    code: `yield* ${
      Print.call("FlowSteps.retrying", [
        visited(visit, node),
        Print.object(retry),
        `(${usesTry ? "current" : ""}) =>\n${Print.indent(`Effect.gen(function*() {\n${Print.indent(body)}\n})`)}`
      ])
    }`
  }
}

const child = (visit: Visit, node: WorkflowNode): Stmts => {
  const args = [...node.args].map(([name, value]) => {
    const given = /\{[{%#]/.test(value.source) ? Texts.text(value, visit.names) : Texts.value(value, visit.names).code
    return given === name ? name : `${Print.key(name)}: ${given}`
  })
  const workflow = visit.writer.options.childOf(node.workflow)
  const call = args.length === 0
    ? Print.call("FlowSteps.child", [visited(visit, node), workflow, "{}"])
    : Print.call("FlowSteps.child", [visited(visit, node), workflow], args)
  return assigned(visit, node, node.output, `yield* ${call}`)
}

// -----------------------------------------------------------------------------
// bodies
// -----------------------------------------------------------------------------

/** The way down to a body of a node, and the statement that names the visit where it has to be told from others. */
const wayDown = (visit: Visit, node: Node): { readonly path: string; readonly before: Stmts } => {
  const { place, writer } = visit
  if (!isNamed(node)) {
    return { path: place.path === "" ? pathOf(node.id) : `${place.path}/${pathOf(node.id)}`, before: [] }
  }
  if (place.come === null) {
    return { path: place.path === "" ? pathOf(node.id) : `${place.path}/${pathOf(node.id)}`, before: [] }
  }
  const id = writer.file.name(`${node.id}_visit`)
  return { path: `\${${id}}`, before: [code(`const ${id} = ${visited(visit, node)}`)] }
}

const pathOf = (id: string): string => Print.inBackticks(id)

const forEach = (visit: Visit, node: ForEachNode): Stmts => {
  const { place, writer } = visit
  const frame = writer.survey.frames.get(node.body)
  const last = writer.survey.ends.get(node.body)
  if (frame === undefined || last === undefined) return []
  const list = Texts.items(node.items, visit.names, node.id)
  const { before, path } = wayDown(visit, node)
  const index = Writers.namesAt(writer, frame, { names: last.names, set: last.set }).find(`${node.as}_index`)?.code ??
    "0"
  const inner: Place = {
    frame,
    isTop: false,
    isOwn: true,
    suffix: `${place.suffix}[\${${index}}]`,
    path: `${path}[\${${index}}]`,
    come: null
  }
  const isSure = last.set.maybe.size === last.set.surely.size
  const object = node.output === null ? null : Writers.result(writer, frame, last, "set")
  const gives = object === null || isSure ? object : `FlowSteps.present(${object})`
  const body = writer.functionOf(node.body, inner, gives)
  const item = Writers.isRead(writer, frame, node.as) ? Writers.slotOf(writer, frame, node.as).id : "_"
  const each = `(${item}, ${index}) =>\n${Print.indent(`Effect.gen(${body})`)}`
  const call = `yield* ${Print.call("FlowSteps.each", [list.code, each, `{ concurrency: ${node.concurrency} }`])}`
  return [...before, ...assigned(visit, node, node.output, call)]
}

const loop = (visit: Visit, node: WhileNode): Stmts => {
  const { place, writer } = visit
  const { frame } = place
  const turn = Writers.slotOf(writer, frame, node.as).id
  writer.facts.read.add(Writers.slotOf(writer, frame, node.as).key)
  // a body may set the name of its turn, which does not change how often it is run
  const isOwn = (frame.setters.get(node.as) ?? []).length === 1 && !frame.given.has(node.as)
  const counter = isOwn ? turn : writer.file.name(`${node.as}_count`)
  const names = Writers.namesAt(writer, frame, writer.survey.states.get(node.body.start) ?? visit.state)
  const test = Texts.test(node.condition, names)
  const { before, path } = wayDown(visit, node)
  const label = `while ${node.id}`
  const inner: Place = {
    ...place,
    isTop: false,
    isOwn: false,
    suffix: `${place.suffix}[\${${counter}}]`,
    path: `${path}[\${${counter}}]`,
    come: null
  }
  const body = writer.bodyOf(node.body, inner, [{ _tag: "Jump", kind: "continue", label }])
  const last = body.at(-1)
  const holds = /\|\||yield/.test(test.holds) ? `(${test.holds})` : test.holds
  const goesOn = `(yield* FlowSteps.mayTurn(${Print.quote(node.id)}, ${counter}, ${node.maxTurns}))`
  return [
    ...before,
    ...isOwn ? [] : [code(`let ${counter} = 0`)],
    code(`${turn} = 0`),
    {
      _tag: "Loop",
      label,
      head: Print.whileBoth(holds, goesOn),
      body: [
        code(isOwn ? `${turn}++` : `${turn} = ++${counter}`),
        ...last?._tag === "Jump" && last.label === label ? body.slice(0, -1) : body
      ]
    }
  ]
}

const parallel = (visit: Visit, node: ParallelNode): Stmts => {
  const { place, writer } = visit
  const { before, path } = wayDown(visit, node)
  const parts = node.branches.map((branch, index) => {
    const frame = writer.survey.frames.get(branch)
    const last = writer.survey.ends.get(branch)
    if (frame === undefined || last === undefined) return { code: "Effect.void", puts: [], frame: place.frame, last }
    const names = [...last.set.maybe].filter((name) => Writers.isRead(writer, place.frame, name))
    const inner: Place = { ...place, frame, isTop: false, isOwn: true, path: `${path}[${index}]`, come: null }
    const set = { surely: last.set.surely, maybe: new Set(names) }
    const gives = names.length === 0 ? null : Writers.result(writer, frame, { ...last, set }, "set")
    return { code: `Effect.gen(${writer.functionOf(branch, inner, gives)})`, puts: names, last }
  })
  const call = `yield* FlowSteps.together([\n${
    Print.indent(parts.map((part) => part.code).join(",\n"))
  }\n], { concurrency: ${node.concurrency} })`
  if (parts.every(({ puts }) => puts.length === 0)) return [...before, code(call, node.id)]
  const all = writer.file.name(`${node.id}_results`)
  const puts = parts.flatMap((part, index) =>
    part.puts.map((name): Stmt => {
      const { id } = Writers.slotOf(writer, place.frame, name)
      const value = Print.field(`${all}[${index}]`, name)
      const keyword = Writers.isConstant(writer, place.frame, name) ? "const " : ""
      return part.last?.set.surely.has(name) === true
        ? code(`${keyword}${id} = ${value}`)
        : code(`if (${value} !== undefined) ${id} = ${value}`)
    })
  )
  return [...before, code(`const ${all} = ${call}`, node.id), ...puts]
}

// -----------------------------------------------------------------------------
// waits
// -----------------------------------------------------------------------------

const wait = (visit: Visit, node: WaitNode): Stmts => {
  const { until } = node
  const name = visited(visit, node)
  const timeout = node.timeoutMs === null ? [] : [`timeout: ${Writers.durationOf(node.timeoutMs)}`]
  const step = (verb: string, args: ReadonlyArray<string>, fields: ReadonlyArray<string> = []) =>
    `yield* ${Print.call(`FlowSteps.${verb}`, args, fields)}`
  switch (until._tag) {
    case "Duration": {
      visit.writer.file.verb("Wait")
      const waited = code(`yield* Wait.duration(${name}, ${Writers.durationOf(until.millis)})`)
      return node.output === null || !Writers.isRead(visit.writer, visit.place.frame, node.output)
        ? [waited]
        : [waited, ...assigned(visit, node, node.output, `{ waited_ms: ${until.millis} }`)]
    }
    case "Time":
      return assigned(visit, node, node.output, step("until", [name, Texts.text(until.at, visit.names)]))
    case "File": {
      const path = visit.writer.file.name(`${node.id}_path`)
      const verb = node.output === null ? "fileInTime" : "file"
      return [
        code(`const ${path} = FlowPaths.within(${directoryOf(visit)}, ${Texts.text(until.path, visit.names)})`),
        ...assigned(
          visit,
          node,
          node.output,
          step(verb, [name, path, `FlowPaths.exists(${path})`], timeout)
        )
      ]
    }
    case "Approval": {
      const verb = node.output === null ? "approved" : "approval"
      const asked = until.prompt === null ? [] : [`question: ${Texts.text(until.prompt, visit.names)}`]
      return assigned(visit, node, node.output, step(verb, [name], [...asked, ...timeout]))
    }
  }
}
