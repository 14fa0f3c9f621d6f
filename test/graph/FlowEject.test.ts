import * as NodeContext from "@effect/platform-node/NodeContext"
import { afterAll, assert, describe, it, layer } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { pathToFileURL } from "node:url"
import type { Owf } from "open-agent-workflows"
import { OwfTest, RunStore, Scripted, Workflow } from "open-agent-workflows"
import * as Ts from "typescript"
import type { Flow, Node } from "../../src/graph/Flow.ts"
import * as FlowEject from "../../src/graph/FlowEject.ts"
import * as FlowFile from "../../src/graph/FlowFile.ts"
import * as FlowNode from "../../src/node/FlowNode.ts"
import type { Request } from "../../src/provider/Provider.ts"
import { directoryInMemory, root } from "../lib/node.ts"
import { repositoryWith } from "../lib/repository.ts"
import { graphs } from "./ejectGraphs.ts"

/** Inside of the package, so that programs find it by its name; the dot keeps every other tool from what is there. */
const directory = Fs.mkdtempSync(Path.join(root, "test/graph/.ejected-"))
afterAll(() => Fs.rmSync(directory, { recursive: true, force: true }))

interface Subject {
  readonly name: string
  readonly flow: Flow
  /** Path of the program. */
  readonly program: string
}

const load = (file: string) => Effect.runPromise(Effect.option(Effect.provide(FlowFile.load(file), NodeContext.layer)))

/** The graphs a graph runs, by their paths. */
const childrenOf = async (flow: Flow): Promise<ReadonlyMap<string, Flow>> => {
  const known = new Map<string, Flow>()
  const visit = async (nodes: Iterable<Node>): Promise<void> => {
    for (const node of nodes) {
      if (node.type !== "workflow" || known.has(node.workflow)) continue
      const child = await load(node.workflow)
      if (Option.isNone(child)) continue
      known.set(node.workflow, child.value)
      await visit(child.value.nodes.values())
    }
  }
  await visit(flow.nodes.values())
  return known
}

const ejected = async (name: string, file: string, program: string): Promise<ReadonlyArray<Subject>> => {
  const flow = await load(file)
  // graphs that are there to be refused have no program
  if (Option.isNone(flow)) return []
  const children = await childrenOf(flow.value)
  const text = FlowEject.eject(flow.value, { directory: Path.dirname(program), relative: Path.relative, children })
  Fs.mkdirSync(Path.dirname(program), { recursive: true })
  Fs.writeFileSync(program, text)
  return [{ name, flow: flow.value, program }]
}

const folder = Path.join(directory, "graphs")
Fs.cpSync(Path.join(root, "test/fixtures/graphs"), folder, { recursive: true })
// what a fixture waits for is there already, or soon
const full = Path.join(folder, "full/flow.yaml")
Fs.writeFileSync(full, Fs.readFileSync(full, "utf8").replace("1h 30m", "20ms").replace("2026-08-01", "2020-08-01"))
for (const name of ["beta.done", "stable.done"]) Fs.writeFileSync(Path.join(folder, "full", name), "")

const fixtures = Fs.readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => /\.ya?ml$/.test(name))
const subjects: Array<Subject> = []
for (const name of fixtures.toSorted()) {
  // beside the graphs and elsewhere: the files they name are found from both
  const program = subjects.length % 2 === 0 ? `graphs/${name}.ts` : `programs/${name}.ts`
  subjects.push(...await ejected(name, Path.join(folder, name), Path.join(directory, program)))
}
for (const [name, text] of Object.entries(graphs)) {
  const file = Path.join(directory, "more", name.replaceAll(" ", "-"), "flow.yaml")
  Fs.mkdirSync(Path.dirname(file), { recursive: true })
  Fs.writeFileSync(file, `start: ${/id: ([^,\s]+)/.exec(text)?.[1]}\n${text}`)
  const found = await ejected(name, file, file.replace(/yaml$/, "ts"))
  subjects.push(...found)
}

// -----------------------------------------------------------------------------
// running both
// -----------------------------------------------------------------------------

/** A number that depends on all that is given, the same in every run. */
const chance = (...parts: ReadonlyArray<unknown>): number => {
  let hash = 2166136261
  for (const character of JSON.stringify(parts)) hash = Math.imul(hash ^ character.charCodeAt(0), 16777619) >>> 0
  return Math.imul(hash ^ (hash >>> 15), 2246822519) >>> 0
}

const valueOf = (schema: unknown, seed: number): unknown => {
  const { enum: choices, items, properties, type, anyOf } = schema as Record<string, unknown>
  if (Array.isArray(choices)) return choices[seed % choices.length]
  if (Array.isArray(anyOf)) return valueOf(anyOf[seed % anyOf.length], chance(seed))
  switch (type) {
    case "boolean":
      return seed % 2 === 0
    case "integer":
    case "number":
      return seed % 8
    case "array":
      return [1, 2].slice(seed % 2).map((index) => valueOf(items ?? {}, chance(seed, index)))
    case "object":
      return Object.fromEntries(
        Object.entries(properties ?? {}).map(([name, field]) => [name, valueOf(field, chance(seed, name))])
      )
    case "null":
      return null
    case "string":
      return `text ${seed % 100}`
    default:
      return [{ status: seed % 3 === 0 ? "ok" : "error", count: seed % 20 }, `any ${seed % 10}`, seed % 5][seed % 3]
  }
}

/** Who answers a run, and how often each prompt was asked of them. */
const answering = { seed: 0, times: new Map<string, number>() }

/** Texts of which a context holds two and not three. */
const muchOf = (schema: unknown) => {
  const { properties = {} } = schema as { readonly properties?: object }
  return Object.fromEntries(Object.keys(properties).map((name) => [name, "x".repeat(400_000)]))
}

/** A provider that answers by chance, and the same way whenever it is asked the same for the same time in a run. */
const provider = (name: string, readsFiles: boolean) =>
  Scripted.make(({ prompt, schema }: Request) => {
    const time = (answering.times.get(`${name} ${prompt}`) ?? 0) + 1
    answering.times.set(`${name} ${prompt}`, time)
    const number = chance(answering.seed, prompt, time)
    if (prompt.startsWith("Turn") && number % 3 === 0) return Scripted.fail("EmptyAnswer")
    if (schema === undefined) return Scripted.answer(`said ${number % 7}`)
    return Scripted.value(prompt.startsWith("Much") ? muchOf(schema) : valueOf(schema, number))
  }, { name, capabilities: { readsFiles, writesFiles: true } })

/** One store for all runs; answers of one are not there for another. */
const lab = (options: OwfTest.Options) =>
  OwfTest.layer({
    provider: provider("scripted", false),
    providers: [provider("claude", true), provider("script", false)],
    cachePolicy: "disabled",
    home: directoryInMemory(),
    ...options
  })

/** A person who answers whatever is asked by the latest run. */
const person = (seed: number) =>
  Effect.gen(function*() {
    const { approvals, decide, runs } = yield* RunStore.RunStore
    for (;;) {
      yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 5)))
      const [latest] = yield* runs({ limit: 1 })
      for (const { decision, name } of latest === undefined ? [] : yield* approvals(latest.id)) {
        const answer = chance(seed, name) % 4 === 0 && name !== "hold" ? "rejected" : "approved"
        if (latest !== undefined && decision === null) {
          yield* decide({ runId: latest.id, name, decision: answer, message: name, at: 0 })
        }
      }
    }
  })

/** What a run keeps of what may not be meant. */
const noted: ReadonlySet<string> = new Set(["branch_warning", "loop_bound"])

/** What a run did: its calls by their keys, with those of the runs below it, and how it ended. */
const ran = (workflow: Workflow.Any, flow: Flow, { provider, seed }: Answers) =>
  Effect.gen(function*() {
    answering.seed = seed
    answering.times = new Map()
    const given = flow.variables.filter(({ isRequired }) => isRequired)
    const args = Object.fromEntries(given.map(({ name, schema }) => [name, valueOf(schema ?? {}, chance(seed, name))]))
    // what a graph requires is what an application provides
    const start = Workflow.start(workflow, args, { provider }) as Effect.Effect<unknown, unknown, Owf.Owf>
    yield* Effect.raceFirst(Effect.exit(start), waits(flow) ? person(seed) : Effect.never)
    const { calls, events, family, runs } = yield* RunStore.RunStore
    const [latest] = yield* runs({ limit: 1 })
    if (latest === undefined) return { calls: [], ends: [], notes: [] }
    const all = yield* family(latest.id)
    const made = yield* Effect.forEach(all, ({ id, workflowName }) =>
      Effect.map(calls(id), (own) =>
        own.map(({ callKey, label, ordinal, phase, status }) =>
          [workflowName, callKey, ordinal, status, label, phase].join(" ")
        )))
    const notes = yield* Effect.forEach(all, ({ id, workflowName }) =>
      Effect.map(events(id), (own) =>
        own.flatMap(({ dataJson, message, type }) =>
          noted.has(type) ? [[workflowName, type, message, dataJson].join(" ")] : []
        )))
    return {
      notes: notes.flat().toSorted(),
      calls: made.flat().toSorted(),
      ends: all.map(({ argsJson, errorKind, outputJson, status, workflowName }) => ({
        workflowName,
        argsJson,
        status,
        errorKind,
        outputJson
      })).toSorted((left, right) =>
        JSON.stringify(left) < JSON.stringify(right) ? -1 : 1
      )
    }
  })

const waits = (flow: Flow): boolean => Fs.readFileSync(flow.file, "utf8").includes("type: wait")

interface Answers {
  /** The run's own; graphs name others. */
  readonly provider: string
  readonly seed: number
}

/** The offline provider gives the smallest value there is. */
const offline: Answers = { provider: "fake", seed: 1 }

/** With which these come round until they are stopped. */
const endless: ReadonlySet<string> = new Set(["jumps into the middle of loops", "waits in bodies that come again"])

/** Where another seed than the first comes to nodes that it does not. */
const seeds: Readonly<Record<string, ReadonlyArray<number>>> = {
  "loops within loops": [4],
  "turns, retries and values that stand in": [4],
  "the same value decided again and again": [1, 4],
  "waits in bodies that come again": [1, 4],
  "values that have no order, and turns that are bounded": [1, 2, 3, 4, 5, 6]
}

const answersOf = (name: string): ReadonlyArray<Answers> => [
  ...(seeds[name] ?? [1]).map((seed) => ({ provider: "scripted", seed })),
  ...endless.has(name) ? [] : [offline]
]

/** Sleeps a tenth of what is asked: who waits for a person looks once a second. */
const hurried: Clock.Clock = (() => {
  const clock = Clock.make()
  return {
    [Clock.ClockTypeId]: Clock.ClockTypeId,
    unsafeCurrentTimeMillis: () => clock.unsafeCurrentTimeMillis(),
    unsafeCurrentTimeNanos: () => clock.unsafeCurrentTimeNanos(),
    currentTimeMillis: clock.currentTimeMillis,
    currentTimeNanos: clock.currentTimeNanos,
    sleep: (time) => clock.sleep(Duration.times(time, 0.1))
  }
})()

const isolates = (flow: Flow): boolean => Fs.readFileSync(flow.file, "utf8").includes("isolation: worktree")

describe("owf eject", () => {
  it("has every fixture and every graph of this test to show it with", () => {
    assert.includeMembers(subjects.map(({ name }) => name), [
      "full/flow.yaml",
      "full/child.yaml",
      "seed/workflow.yaml",
      "seed/counts.yaml",
      ...Object.keys(graphs)
    ])
  })

  it("writes lines of 120 characters at most, but for texts that are longer by themselves", () => {
    const long = subjects.flatMap(({ name, program }) =>
      Fs.readFileSync(program, "utf8").split("\n").flatMap((line, index) =>
        line.length > 120 && !/^\s*(?:\/\/|\*|"[^"]*",?$|`[^`]*`,?$)/.test(line)
          ? [`${name}:${index + 1}: ${line.trim()}`]
          : []
      )
    )
    assert.deepStrictEqual(long, [])
  })

  it("writes programs that type-check under the settings of the examples", () => {
    const config = Ts.readConfigFile(Path.join(root, "examples/tsconfig.json"), Ts.sys.readFile)
    const { options } = Ts.parseJsonConfigFileContent(config.config, Ts.sys, Path.join(root, "examples"))
    const { tsBuildInfoFile: _, ...rest } = options
    const program = Ts.createProgram(subjects.map((subject) => subject.program), {
      ...rest,
      rootDir: root,
      composite: false,
      incremental: false
    })
    const found = subjects.flatMap((subject) => {
      const source = program.getSourceFile(subject.program)
      return source === undefined
        ? [`${subject.name}: not read`]
        : [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map((
          { messageText, start = 0 }
        ) =>
          `${subject.name}: ${Ts.flattenDiagnosticMessageText(messageText, " ").slice(0, 300)}\n  ${
            source.text.slice(Math.max(0, start - 100), start + 60)
          }`
        )
    })
    assert.deepStrictEqual(found, [])
  }, 90_000)

  for (
    const [title, services, own] of [
      ["", lab({}), subjects.filter(({ flow }) => !isolates(flow))],
      [
        " in worktrees",
        lab({ cwd: repositoryWith({ "README.md": "x" }) }),
        subjects.filter(({ flow }) => isolates(flow))
      ]
    ] as const
  ) {
    layer(services, { excludeTestServices: true })((it) => {
      for (const { flow, name, program } of own) {
        it.effect(`makes the calls of the graph with the same keys${title}: ${name}`, () =>
          Effect.gen(function*() {
            const loaded: { readonly default: Workflow.Any } = yield* Effect.promise(() =>
              import(/* @vite-ignore */ pathToFileURL(program).href)
            )
            for (const answers of answersOf(name)) {
              const graph = yield* ran(FlowNode.toWorkflow(flow) as unknown as Workflow.Any, flow, answers)
              const code = yield* ran(loaded.default, flow, answers)
              const what = `answered by ${answers.provider} with seed ${answers.seed}`
              assert.isNotEmpty(graph.ends, what)
              assert.deepStrictEqual(code.calls, graph.calls, what)
              assert.deepStrictEqual(code.notes, graph.notes, what)
              assert.deepStrictEqual(code.ends, graph.ends, what)
            }
          }).pipe(Effect.withClock(hurried)), 60_000)
      }
    })
  }
})
