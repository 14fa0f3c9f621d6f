/**
 * Claude Code's command line, asked once per request: `claude -p`.
 *
 * What an agent may do follows from the call:
 *
 * - **answer** (`readScope: []`, no permissions, no agent type): no tools, nothing of the project, no system prompt but
 *   the call's own. The cheapest form.
 * - **read** (not mutating): the tools that read files. `CLAUDE.md`, settings and hooks of user and project apply, since
 *   they are why an agent is asked in this directory; MCP servers only when a permission names one of their tools.
 * - **write** (mutating): every tool but those that start workflows, schedule work for later or change the worktree;
 *   edits in the working directory are accepted.
 *
 * Whatever would ask a person is denied, and permission checks are never bypassed. `permissions` are Claude Code's own
 * rules, such as `Bash(npm test:*)`, `WebFetch(domain:example.org)` or `mcp__github__get_issue`; each also makes its tool
 * available. A call that is not mutating is refused rules that let it write: tools that edit, and `Bash` without a pattern.
 *
 * The program retries little by itself, because the caller does and records it.
 */
import * as Either from "effect/Either"
import * as ClaudeEvents from "./ClaudeEvents.ts"
import * as ClaudeSchema from "./ClaudeSchema.ts"
import * as CliAccess from "./CliAccess.ts"
import type { CliFormat, End, Invocation, Problem } from "./CliFormat.ts"
import * as CliProvider from "./CliProvider.ts"
import type { Request } from "./Provider.ts"
import * as SchemaWords from "./SchemaWords.ts"

/**
 * The provider's name.
 * @category models
 * @since 0.1.0
 */
export const name = "claude"

/**
 * A provider that asks `claude`.
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: CliProvider.ProgramOptions) => CliProvider.ofProgram(name, format, options)

/**
 * How the command line of Claude Code is used.
 * @category models
 * @since 0.1.0
 */
export const format: CliFormat = {
  program: "claude",
  install: "install it with 'npm install -g @anthropic-ai/claude-code' and log in with 'claude auth login'",
  capabilities: { ...CliProvider.agent, schema: "native", compacts: true, cost: "reported" },
  variables: (isSet) => {
    const clouds = cloudVariables.filter(({ when }) => isSet(when))
    return (name) =>
      ownVariables.has(name) || ownForms.test(name) ||
      clouds.some(({ form }) => form.test(name) && !foreignKeys.has(name))
  },
  environment: { CLAUDE_CODE_MAX_RETRIES: "1", DISABLE_AUTOUPDATER: "1" },
  takesNul: true,
  pricedAs: "anthropic",
  pricedModel: (model) => {
    const plain = model.toLowerCase().replace(/\[.*\]$/, "")
    return aliases.get(plain) ?? plain
  },
  overhead: (request) => overheads[modeOf(request)],
  invocation: (request, sessionId) => invocation(request, sessionId),
  events: ({ compact, schema, session }) =>
    compact === true
      ? ClaudeEvents.makeCompaction(session)
      : ClaudeEvents.make(session, schema === undefined ? undefined : ClaudeSchema.make(schema).unwrap),
  failure: (end) => failure(end)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const ownForms =
  /^(?:ANTHROPIC_[A-Z\d_]+|CLAUDE_CODE_USE_[A-Z]+|CLAUDE_CODE_SKIP_[A-Z]+_AUTH|CLAUDE_CODE_CLIENT_[A-Z_]+)$/
const ownVariables: ReadonlySet<string> = new Set([
  "CLAUDE_CONFIG_DIR",
  "CLAUDE_CODE_OAUTH_TOKEN",
  "CLAUDE_CODE_API_KEY_HELPER_TTL_MS",
  "CLAUDE_CODE_MAX_RETRIES",
  "CLAUDE_CODE_MAX_OUTPUT_TOKENS",
  "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
  "CLAUDE_CODE_SUBAGENT_MODEL",
  "DISABLE_AUTOUPDATER",
  "DISABLE_ERROR_REPORTING",
  "DISABLE_PROMPT_CACHING",
  "DISABLE_TELEMETRY",
  "API_TIMEOUT_MS",
  "BASH_DEFAULT_TIMEOUT_MS",
  "BASH_MAX_OUTPUT_LENGTH",
  "BASH_MAX_TIMEOUT_MS",
  "MAX_MCP_OUTPUT_TOKENS",
  "MAX_THINKING_TOKENS",
  "MCP_TIMEOUT",
  "MCP_TOOL_TIMEOUT"
])
const cloudVariables = [
  { when: "CLAUDE_CODE_USE_BEDROCK", form: /^AWS_/ },
  { when: "CLAUDE_CODE_USE_VERTEX", form: /^(?:GOOGLE_|GCLOUD_|VERTEX_|CLOUD_ML_|CLOUDSDK_)/ },
  { when: "CLAUDE_CODE_USE_FOUNDRY", form: /^AZURE_/ }
]
/** Keys of other providers that look like a cloud's variables. */
const foreignKeys: ReadonlySet<string> = new Set(["GOOGLE_API_KEY", "AZURE_OPENAI_API_KEY", "AZURE_API_KEY"])

/** What names stand for today; the dearest of them is what is asked where nothing else is said. */
const aliases: ReadonlyMap<string, string> = new Map([
  [CliProvider.defaultModel, "claude-opus-5-5"],
  ["opus", "claude-opus-5-5"],
  ["opusplan", "claude-opus-5-5"],
  ["sonnet", "claude-sonnet-5-5"],
  ["haiku", "claude-haiku-4-5"]
])

type Mode = "answer" | "read" | "write"

const modeOf = (request: Pick<Request, "agentType" | "mutates" | "permissions" | "readScope">): Mode => {
  if (request.mutates) return "write"
  return CliAccess.readsNothing(request) ? "answer" : "read"
}

/** Tokens of the system prompt and the tools: bytes measured, which are never fewer. */
const overheads: Readonly<Record<Mode, number>> = { answer: 2_000, read: 16_000, write: 40_000 }

const readTools = ["Read", "Grep", "Glob"]

/** Tools that outlive the call, leave its directory or start what is ours to start. */
const keptBack = [
  "Workflow",
  "ScheduleWakeup",
  "CronCreate",
  "CronDelete",
  "CronList",
  "RemoteTrigger",
  "EnterWorktree",
  "ExitWorktree"
]

const systemFile = "system.txt"

const invocation = (request: Request, sessionId: string): Either.Either<Invocation, Problem> => {
  const mode = modeOf(request)
  const problem = problemOf(request)
  if (problem !== undefined) return Either.left({ reason: "InvalidRequest", detail: problem })
  const { maxOutputTokens, model, session } = request
  const isCompaction = request.compact === true && session !== undefined
  const schema = isCompaction ? undefined : request.schema
  const form = schema === undefined ? undefined : ClaudeSchema.make(schema)
  // without a system prompt of the call's own, an answer is asked for without any
  const system = request.system ?? (mode === "answer" ? "" : undefined)
  const args = [
    "-p",
    "--output-format=stream-json",
    "--verbose",
    "--permission-prompts=none",
    ...model === CliProvider.defaultModel ? [] : [`--model=${model}`],
    session === undefined ? `--session-id=${sessionId}` : `--resume=${session.id}`,
    // the program does not know its own commands under this flag
    ...toolArgs(request, mode).filter((arg) => !isCompaction || arg !== "--disable-slash-commands"),
    ...request.agentType === undefined ? [] : [`--agent=${request.agentType}`],
    ...form?.argument === undefined ? [] : [`--json-schema=${form.argument}`]
  ]
  const flag = mode === "answer" ? "--system-prompt-file" : "--append-system-prompt-file"
  const prompt = SchemaWords.next(request, form?.argument === undefined)
  return Either.right({
    args: (directory) => system === undefined ? args : [...args, `${flag}=${directory}/${systemFile}`],
    // a line that begins with a slash would be taken for one of the program's own commands
    input: isCompaction ? "/compact" : prompt.startsWith("/") ? `\n${prompt}` : prompt,
    ...(system === undefined ? {} : { files: { [systemFile]: system } }),
    ...(maxOutputTokens === undefined
      ? {}
      : { environment: { CLAUDE_CODE_MAX_OUTPUT_TOKENS: String(maxOutputTokens) } })
  })
}

const toolArgs = ({ permissions = [] }: Request, mode: Mode): ReadonlyArray<string> => {
  const allowed = permissions.map((rule) => `--allowedTools=${rule}`)
  switch (mode) {
    case "answer":
      // the user's own settings stay, since logins and gateways are configured there
      return ["--tools=", "--setting-sources=user", "--strict-mcp-config", "--disable-slash-commands"]
    case "read": {
      const named = permissions.map(toolOf)
      const tools = [...new Set([...readTools, ...named.filter((tool) => !isMcp(tool))])]
      return [`--tools=${tools.join(",")}`, ...named.some(isMcp) ? [] : ["--strict-mcp-config"], ...allowed]
    }
    case "write":
      return ["--permission-mode=acceptEdits", `--disallowedTools=${keptBack.join(",")}`, ...allowed]
  }
}

const rule = /^[A-Za-z]\w*(?:-\w+)*(?:\([^\u0000-\u001f]*\))?$/
const agentName = /^\w[\w:.-]*$/
const toolOf = (permission: string) => permission.replace(/\(.*$/s, "")
const isMcp = (tool: string) => tool.startsWith("mcp__")

const editing: ReadonlySet<string> = new Set(["Edit", "MultiEdit", "NotebookEdit", "Write"])
const anyCommand = /^Bash(?:\((?:\s|:|\*)*\))?$/

const problemOf = (request: Request): string | undefined => {
  const { agentType, permissions = [] } = request
  const unreadable = permissions.find((permission) => !rule.test(permission))
  if (unreadable !== undefined) {
    return `the permission ${JSON.stringify(unreadable.slice(0, 200))} is not a rule such as Bash(npm test:*)`
  }
  const refused = CliAccess.refused(
    request,
    (permission) => editing.has(toolOf(permission)) || anyCommand.test(permission)
  )
  if (refused !== undefined) return refused.detail
  return agentType === undefined || agentName.test(agentType)
    ? undefined
    : `no agent is called ${JSON.stringify(agentType.slice(0, 80))}`
}

/** What the program says before it asks anything, in words and on the error output only. */
const failures: ReadonlyArray<readonly [said: RegExp, reason: Problem["reason"], advice: string]> = [
  [/native binary not installed/, "Misconfigured", "it was installed without its install script, which has to be run"],
  [
    /unknown option|argument '[^']*' is invalid|requires --verbose/,
    "Misconfigured",
    "it is too old; run 'claude update'"
  ],
  [/root\/sudo privileges/, "Misconfigured", "it does not run as root with these settings"],
  [/is not a valid JSON Schema/, "InvalidRequest", "it does not take this schema"],
  [/^--agent '[^']*' not found/m, "InvalidRequest", "it has no such agent"],
  [/only whitespace|Input must be provided/, "InvalidRequest", "the prompt is blank"],
  [/Session ID \S+ is already in use/, "Unavailable", "another request is in this session"]
]

const failure = ({ stderr }: End): Problem | undefined => {
  if (/No conversation found/.test(stderr)) return ClaudeEvents.lostSession
  const found = failures.find(([said]) => said.test(stderr))
  if (found === undefined) return undefined
  const [, reason, advice] = found
  return { reason, detail: `claude cannot be used for this: ${advice} (${stderr.trim().slice(0, 300)})` }
}
