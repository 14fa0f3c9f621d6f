/**
 * The `opencode` command line, version 1.18.
 *
 * - G1. Rights are rules that go with each request: reading and searching are allowed unless the call reads nothing,
 *   changing files in a mutating call, and everything else only where `permissions` name it, as `bash(git log*)`. The
 *   program's own `plan` agent is no protection, because it runs any command; nothing is ever approved as it comes.
 * - G2. A schema is asked for in words: the program takes none.
 * - G3. A new session has a title of ours, so that no model is paid to think of one.
 *
 * Rules the user's configuration gives one agent are stronger than those of a request.
 */
import * as CliAccess from "./CliAccess.ts"
import type { CliFormat, End, Problem } from "./CliFormat.ts"
import * as CliPrompt from "./CliPrompt.ts"
import * as CliProvider from "./CliProvider.ts"
import * as OpenCodeEvents from "./OpenCodeEvents.ts"
import type { Request } from "./Provider.ts"

/**
 * The provider's name.
 * @category models
 * @since 0.1.0
 */
export const name = "opencode"

/**
 * A provider that asks `opencode`.
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: CliProvider.ProgramOptions) => CliProvider.ofProgram(name, format, options)

/**
 * How the program is used.
 * @category models
 * @since 0.1.0
 */
export const format: CliFormat = {
  program: "opencode",
  install: "install it with `npm install -g opencode-ai` and log in with `opencode auth login`",
  capabilities: { ...CliProvider.agent, cost: "reported" },
  variables: () => (name) => own.has(name),
  environment: { OPENCODE_DISABLE_AUTOUPDATE: "true" },
  takesNul: true,
  pricedAs: "opencode",
  pricedModel: (model) => model,
  overhead: () => 12_288,
  invocation: (request) =>
    CliAccess.unlessRefused(request, (permission) => writing.test(permission.trim()), () => ({
      args: () => argsOf(request),
      input: CliPrompt.make(request),
      environment: { OPENCODE_PERMISSION: JSON.stringify(rulesOf(request)) }
    })),
  events: () => OpenCodeEvents.make(),
  failure: (end) => failure(end)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** The program asks any vendor, and finds the keys of the best known in these; others are for its `auth login`. */
const own: ReadonlySet<string> = new Set([
  "OPENCODE_CONFIG",
  "OPENCODE_CONFIG_CONTENT",
  "OPENCODE_CONFIG_DIR",
  "OPENCODE_API_KEY",
  "ANTHROPIC_API_KEY",
  "DEEPSEEK_API_KEY",
  "GEMINI_API_KEY",
  "GOOGLE_GENERATIVE_AI_API_KEY",
  "GROQ_API_KEY",
  "MISTRAL_API_KEY",
  "OPENAI_API_KEY",
  "OPENROUTER_API_KEY",
  "XAI_API_KEY"
])

const argsOf = ({ agentType = "build", callId, cwd, model, session }: Request): ReadonlyArray<string> => [
  "run",
  "--format=json",
  `--agent=${agentType}`,
  ...(cwd?.startsWith("/") === true ? [`--dir=${cwd}`] : []),
  ...(model === CliProvider.defaultModel ? [] : [`--model=${model}`]),
  session === undefined ? `--title=owf ${callId}` : `--session=${session.id}`
]

type Rules = Readonly<Record<string, string | Readonly<Record<string, string>>>>

/** Also what stands for any tool, and any command. */
const writing = /^(?:\*|edit\b.*|bash|bash\(\*\))$/s

const reading: Rules = { read: "allow", list: "allow", glob: "allow", grep: "allow" }

/** The last rule that fits counts, so what is allowed stands after what is not. */
const rulesOf = (request: Request): Rules => {
  const { mutates, permissions = [] } = request
  const rules = new Map<string, Map<string, string>>()
  for (const permission of permissions) {
    const [, tool = permission, pattern = "*"] = /^([\w*-]+)(?:\((.*)\))?$/s.exec(permission.trim()) ?? []
    const patterns = rules.get(tool) ?? new Map([["*", "deny"]])
    rules.set(tool, patterns.set(pattern, "allow"))
  }
  return {
    "*": "deny",
    ...(CliAccess.readsNothing(request) ? {} : reading),
    ...Object.fromEntries([...rules].map(([tool, patterns]) => [tool, Object.fromEntries(patterns)])),
    // whatever is asked for, it is the call that says whether files may change
    edit: mutates ? "allow" : "deny"
  }
}

/** What the program says of a start that came to nothing; it has no codes for these, and colours them always. */
const failure = ({ stderr }: End): Problem | undefined =>
  /^(?:\u001b\[\d+m)*Error: (?:\u001b\[\d+m)*Session not found/m.test(stderr)
    ? { reason: "Unavailable", detail: "the session to be continued is gone", isSessionLost: true }
    : undefined
