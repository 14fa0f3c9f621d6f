/**
 * Agent and script nodes: each is one call, so that it is recorded, replayed, bounded and paid like any other.
 *
 * - N1. The model is the node's, else the run's, else `AGENT_MODEL`, else for claude `AGENT_CLAUDE_MODEL`, else the
 *   provider's own. The provider is the node's, else the run's.
 * - N2. Declared outputs are the schema of the answer; other keys are dropped. Without any the answer is not looked at.
 * - N3. A node without a write scope may change files where its provider works on files at all, as graphs always could;
 *   `write_scope: []` keeps it to reading.
 * - N4. A value stands in for an answer only with `on_exhausted: default`, and never with `AGENT_USE_DEFAULT_OUTPUTS=false`.
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as canonicalJson from "../internal/canonicalJson.ts"
import * as Recovery from "../recovery/Recovery.ts"
import type { AgentSettings } from "../settings/Settings.ts"
import type { CallOptions } from "../workflow/Agent.ts"
import { agent } from "../workflow/Agent.ts"
import type { AgentNode, FlowContext, Json, Output, ScriptNode } from "./Flow.ts"
import type { Done, FlowEnv, Visit } from "./FlowEnv.ts"
import { failed, goOn, inNode } from "./FlowEnv.ts"
import * as FlowTexts from "./FlowTexts.ts"
import * as Reply from "./Reply.ts"

/**
 * Asks an agent.
 * @category running
 * @since 0.1.0
 */
export const ask = (env: FlowEnv, visit: Visit<AgentNode>): Done =>
  Effect.gen(function*() {
    const { context, frame, hasOverrun, isLastTry, node } = visit
    const args: Record<string, Json> = {}
    for (const [name, template] of node.args) {
      args[name] = yield* inNode(node, FlowTexts.render(env, template, context))
    }
    const timeoutMs = timeoutOf(env.agents, node.timeoutMs)
    const times = timesOf(timeoutMs)
    const prompt = yield* inNode(node, FlowTexts.prompt(env, node.prompt, { ...context, ...args, ...times }))
    if (prompt.trim() === "") return yield* failed(node, "its prompt is empty")
    const ladder = yield* ladderOf(env.agents, node)
    const result = yield* call(hasOverrun ? `${overran(timeoutMs)}\n\n${prompt}` : prompt, node.outputs, {
      label: `${node.id}${frame.suffix}`,
      phase: frame.group ?? node.id,
      ...(yield* whoAndWhere(env, node)),
      recover: isLastTry && standsIn(env.agents, node)
        ? Recovery.orElse(ladder, Recovery.fallback(defaultsOf(node.outputs)))
        : ladder,
      timeout: Duration.millis(timeoutMs),
      idleTimeout: node.idleTimeoutMs === null ? undefined : Duration.millis(node.idleTimeoutMs),
      budget: node.budget ?? undefined
    })
    return goOn(node.next, outputsOf(node.outputs, result.value), result.status === "degraded")
  })

/**
 * Runs a program.
 * @category running
 * @since 0.1.0
 */
export const run = (env: FlowEnv, { context, frame, node }: Visit<ScriptNode>): Done =>
  Effect.gen(function*() {
    const text = (template: ScriptNode["args"][number]) => inNode(node, FlowTexts.render(env, template, context))
    const environment: Record<string, string> = {}
    for (const [name, template] of node.environment) environment[name] = yield* text(template)
    const job = {
      script: node.script,
      args: yield* Effect.forEach(node.args, text),
      cwd: env.directory,
      environment,
      input: node.input === null ? "" : yield* text(node.input)
    }
    const result = yield* call(canonicalJson.encodeUnsafe(job), node.outputs, {
      label: `${node.id}${frame.suffix}`,
      phase: frame.group ?? node.id,
      ...scriptOptions,
      timeout: Duration.millis(node.timeoutMs ?? defaultScriptMs),
      idleTimeout: node.idleTimeoutMs === null ? undefined : Duration.millis(node.idleTimeoutMs)
    })
    return goOn(node.next, outputsOf(node.outputs, result.value))
  })

/**
 * The time an agent has, in milliseconds.
 * @category converting
 * @since 0.1.0
 */
export const timeoutOf = (agents: AgentSettings, timeoutMs: number | null): number =>
  timeoutMs ?? (agents.resultTimeoutSeconds ?? defaultSeconds) * 1000

/**
 * The names a prompt knows the time of its call by.
 * @category converting
 * @since 0.1.0
 */
export const timesOf = (timeoutMs: number) => ({
  node_timeout_s: Math.trunc(timeoutMs / 1000),
  node_timeout_min: Math.round(timeoutMs / 60_000)
})

/**
 * What an agent is told whose try before this one was stopped because its time was over.
 * @category constants
 * @since 0.1.0
 */
export const overran = (timeoutMs: number): string =>
  `TIME BUDGET: an earlier try of this task was stopped because it took longer than the ` +
  `${
    Duration.format(Duration.millis(timeoutMs))
  } it may take. This one may take as long. Find out how long a command ` +
  "takes before you start a long one, and leave time to write the result down."

/**
 * The options of every call that runs a program.
 * @category constants
 * @since 0.1.0
 */
export const scriptOptions = {
  provider: "script",
  // what a program prints depends on more than its arguments
  cachePolicy: "disabled",
  // a program that failed has done what it did: it is run again only where the node says so
  recover: Recovery.none
} as const

/**
 * The time of a program that says nothing of it: an hour; nothing waits for ever.
 * @category constants
 * @since 0.1.0
 */
export const defaultScriptMs = 3_600_000

/**
 * Who answers a call, and where it works (N1 and N3).
 * @category converting
 * @since 0.1.0
 */
export const whoAndWhere = Effect.fnUntraced(function*(
  env: Pick<FlowEnv, "run" | "providers" | "agents">,
  node: Pick<
    AgentNode,
    "at" | "id" | "provider" | "model" | "isolation" | "readScope" | "writeScope" | "permissions"
  >
) {
  const { provider: runProvider, model: runModel } = env.run.inheritance.journal.run
  const provider = yield* Effect.mapError(
    env.providers.get(node.provider ?? runProvider),
    ({ detail }) => failed(node, detail)
  )
  const { readsFiles, writesFiles } = provider.capabilities
  const isRuns = node.provider === null || provider.name === runProvider
  const { agents } = env
  const asked = node.model ?? (isRuns ? runModel : null) ?? agents.model ??
    (provider.name === "claude" ? agents.claudeModel : undefined) ?? null
  return {
    provider: node.provider ?? undefined,
    model: provider.name === "codex" ? codexModel(asked, agents.codexProfile) : asked ?? undefined,
    isolation: node.isolation,
    readScope: node.readScope ?? undefined,
    writeScope: node.writeScope ??
      (node.isolation === "none" && readsFiles && writesFiles ? everything : undefined),
    permissions: node.permissions ?? undefined
  }
})

/**
 * The ladder of a node: the rungs it names, else those for runs nobody watches, as the environment sizes them.
 * @category converting
 * @since 0.1.0
 */
export const ladderOf = (
  agents: AgentSettings,
  node: Pick<AgentNode, "at" | "id" | "recover">
): Effect.Effect<Recovery.Recovery, ReturnType<typeof failed>> =>
  node.recover === null
    ? Effect.succeed(tuned(agents))
    : Effect.map(
      Effect.forEach(node.recover, (name) => {
        const known = Recovery.names.find((one) => one === name)
        return known === undefined
          ? failed(node, `recover names '${name}'; it takes ${Recovery.names.join(", ")}`)
          : Effect.succeed(known === "standard" ? tuned(agents) : Recovery.named(known))
      }),
      (rungs) => Recovery.all(...rungs)
    )

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const defaultSeconds = 600

/** A call whose answer has to hold the outputs, where there are any. */
const call = (prompt: string, outputs: ReadonlyArray<Output>, options: CallOptions<FlowContext>) =>
  outputs.length === 0
    ? agent(prompt, options)
    : agent(prompt, { ...options, schema: Reply.schemaOf(outputs) })

const outputsOf = (outputs: ReadonlyArray<Output>, value: unknown): FlowContext =>
  Predicate.isReadonlyRecord(value)
    // the value fits a schema that asks for every one of these keys, so it is JSON
    ? Object.fromEntries(outputs.flatMap(({ key }) => Object.hasOwn(value, key) ? [[key, value[key] as Json]] : []))
    : {}

const defaultsOf = (outputs: ReadonlyArray<Output>): FlowContext =>
  Object.fromEntries(outputs.map((output) => [output.key, output.default ?? null]))

const standsIn = ({ useDefaultOutputs = true }: AgentSettings, { onExhausted }: AgentNode): boolean =>
  onExhausted === "default" && useDefaultOutputs

const everything = ["."]

/** `profile@slug`; what has no `@` is a profile, and a slug alone goes with the profile of the environment. */
const codexModel = (asked: string | null, profile: string | undefined): string | undefined => {
  if (asked === null) return profile === undefined ? undefined : `${profile}@`
  if (asked.startsWith("@")) return `${profile ?? ""}${asked}`
  return asked.includes("@") ? asked : `${asked}@`
}

const seconds = (value: number | undefined): Duration.Duration | undefined =>
  value === undefined ? undefined : Duration.seconds(value)

/** The ladder for runs nobody watches, as the environment sizes it. */
const tuned = (agents: AgentSettings): Recovery.Recovery =>
  Recovery.all(
    Recovery.correct({ times: agents.maxOutputRetries }),
    Recovery.waitForReset({
      times: agents.maxCapWaits,
      maxWait: seconds(agents.capMaxWaitSeconds),
      unknown: seconds(agents.capDefaultWaitSeconds),
      margin: seconds(agents.capWaitMarginSeconds),
      tick: seconds(agents.capTickSeconds)
    }),
    Recovery.retry({
      times: agents.maxInvokeRetries,
      base: seconds(agents.invokeBackoffBaseSeconds),
      cap: seconds(agents.invokeBackoffCapSeconds),
      tick: seconds(agents.capTickSeconds)
    }),
    Recovery.compact({ times: agents.maxCompactAttempts }),
    Recovery.reframe({ times: agents.maxRephraseAttempts }),
    Recovery.continueSession
  )
