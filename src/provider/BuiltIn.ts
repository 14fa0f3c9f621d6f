/**
 * The providers that come with the package: their names, where they are, whose key they take.
 *
 * Facts only, so that listing them loads neither HTTP nor the code that starts programs.
 */
import type { ProviderFields, ProviderKind } from "../settings/ProviderFields.ts"

/**
 * A provider that comes with the package.
 * @category models
 * @since 0.1.0
 */
export type BuiltIn = Offline | Server | Program

/**
 * The provider that needs nothing.
 * @category models
 * @since 0.1.0
 */
export interface Offline extends Named {
  readonly _tag: "Offline"
}

/**
 * A vendor's HTTP API.
 * @category models
 * @since 0.1.0
 */
export interface Server extends Named {
  readonly _tag: "Server"
  readonly kind: ProviderKind
  readonly baseUrl: string
  readonly model: string
  /** Variables that may hold the key; the first one that is set does. */
  readonly keyVariables: ReadonlyArray<string>
}

/**
 * An agent's command line.
 * @category models
 * @since 0.1.0
 */
export interface Program extends Named {
  readonly _tag: "Program"
  readonly name: "claude" | "codex" | "copilot" | "gemini-cli" | "opencode"
  /** The program's name in `PATH`. */
  readonly program: string
  /** The npm package it is installed from. */
  readonly package: string
  /** How to log in. */
  readonly login: string
  /** Variables that stand for a login. */
  readonly loginVariables: ReadonlyArray<string>
  /** Files that stand for a login, as a variable that names their folder, its default below the home, and the name. */
  readonly loginFiles: ReadonlyArray<LoginFile>
}

/**
 * A file that is there after a login.
 * @category models
 * @since 0.1.0
 */
export interface LoginFile {
  readonly variable: string
  readonly folder: string
  readonly name: string
}

/**
 * What every provider has.
 * @category models
 * @since 0.1.0
 */
export interface Named {
  readonly name: string
  /** Other names for it. */
  readonly aliases: ReadonlyArray<string>
}

/**
 * Every built-in provider, in the order of the documentation.
 * @category models
 * @since 0.1.0
 */
export const all: ReadonlyArray<BuiltIn> = [
  { _tag: "Offline", name: "fake", aliases: ["fixture"] },
  {
    _tag: "Program",
    name: "claude",
    aliases: ["claude-cli"],
    program: "claude",
    package: "@anthropic-ai/claude-code",
    login: "run `claude` once and log in, or set ANTHROPIC_API_KEY",
    loginVariables: [
      "ANTHROPIC_API_KEY",
      "ANTHROPIC_AUTH_TOKEN",
      "CLAUDE_CODE_OAUTH_TOKEN",
      "CLAUDE_CODE_USE_BEDROCK",
      "CLAUDE_CODE_USE_VERTEX"
    ],
    loginFiles: [{ variable: "CLAUDE_CONFIG_DIR", folder: ".claude", name: ".credentials.json" }]
  },
  {
    _tag: "Program",
    name: "codex",
    aliases: ["codex-cli"],
    program: "codex",
    package: "@openai/codex",
    login: "run `codex login`, or set OPENAI_API_KEY",
    loginVariables: ["OPENAI_API_KEY", "CODEX_API_KEY"],
    loginFiles: [{ variable: "CODEX_HOME", folder: ".codex", name: "auth.json" }]
  },
  {
    _tag: "Program",
    name: "copilot",
    aliases: ["copilot-cli"],
    program: "copilot",
    package: "@github/copilot",
    login: "run `copilot` once and log in, or set GH_TOKEN",
    loginVariables: ["COPILOT_GITHUB_TOKEN", "GH_TOKEN", "GITHUB_TOKEN"],
    loginFiles: [{ variable: "COPILOT_HOME", folder: ".copilot", name: "config.json" }, {
      variable: "GH_CONFIG_DIR",
      folder: ".config/gh",
      name: "hosts.yml"
    }]
  },
  {
    _tag: "Program",
    name: "gemini-cli",
    aliases: [],
    program: "gemini",
    package: "@google/gemini-cli",
    login: "run `gemini` once and log in, or set GEMINI_API_KEY",
    loginVariables: ["GEMINI_API_KEY", "GOOGLE_API_KEY", "GOOGLE_GENAI_USE_VERTEXAI"],
    loginFiles: [{ variable: "GEMINI_CLI_HOME", folder: "", name: ".gemini/oauth_creds.json" }]
  },
  {
    _tag: "Program",
    name: "opencode",
    aliases: [],
    program: "opencode",
    package: "opencode-ai",
    login: "run `opencode auth login`",
    loginVariables: ["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENROUTER_API_KEY"],
    loginFiles: [{ variable: "XDG_DATA_HOME", folder: ".local/share", name: "opencode/auth.json" }]
  },
  {
    _tag: "Server",
    name: "openai",
    aliases: [],
    kind: "openai",
    baseUrl: "https://api.openai.com/v1",
    model: "gpt-5.4-mini",
    keyVariables: ["OPENAI_API_KEY"]
  },
  {
    _tag: "Server",
    name: "anthropic",
    aliases: [],
    kind: "anthropic",
    baseUrl: "https://api.anthropic.com",
    model: "claude-sonnet-4-6",
    keyVariables: ["ANTHROPIC_API_KEY"]
  },
  {
    _tag: "Server",
    name: "gemini",
    aliases: ["google"],
    kind: "gemini",
    baseUrl: "https://generativelanguage.googleapis.com",
    model: "gemini-3.5-flash",
    keyVariables: ["GEMINI_API_KEY", "GOOGLE_API_KEY"]
  },
  {
    _tag: "Server",
    name: "deepseek",
    aliases: [],
    kind: "openai",
    baseUrl: "https://api.deepseek.com/v1",
    model: "deepseek-v4-flash",
    keyVariables: ["DEEPSEEK_API_KEY"]
  },
  {
    _tag: "Server",
    name: "openrouter",
    aliases: [],
    kind: "openai",
    baseUrl: "https://openrouter.ai/api/v1",
    model: "openai/gpt-5.5",
    keyVariables: ["OPENROUTER_API_KEY"]
  }
]

/**
 * Why a built-in provider cannot be configured like that; undefined when it can.
 *
 * A name keeps its meaning: what answers under it, and where, changes only where the key is named as well.
 * @category predicates
 * @since 0.1.0
 */
export const misconfigured = (builtIn: BuiltIn, said: ProviderFields): string | undefined => {
  const other = "choose another name for a provider of your own"
  switch (builtIn._tag) {
    case "Offline":
      return firstOf(
        said,
        ["kind", "baseUrl", "keyVariable", "model", "command"],
        (field) => `${builtIn.name} is built in and takes no ${field}; ${other}`
      )
    case "Program":
      return firstOf(
        said,
        ["kind", "baseUrl", "keyVariable"],
        (field) => `${builtIn.name} is the built-in command line and takes no ${field}; ${other}`
      )
    case "Server": {
      const refused = firstOf(said, ["command"], (field) => `${builtIn.name} is an HTTP API and takes no ${field}`)
      if (refused !== undefined) return refused
      if (said.kind !== undefined && said.kind !== builtIn.kind) {
        return `${builtIn.name} is built in and of kind ${builtIn.kind}, not ${said.kind}; ${other}`
      }
      return said.baseUrl !== undefined && said.keyVariable === undefined
        ? `${builtIn.name} has another base_url but no api_key_env beside it: its own key is sent only to its own ` +
          `address, so name the variable of the key to send, or ${other}`
        : undefined
    }
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const keys: Readonly<Record<string, string>> = {
  kind: "kind",
  baseUrl: "base_url",
  keyVariable: "api_key_env",
  model: "default_model",
  command: "command"
}

const firstOf = (
  said: ProviderFields,
  names: ReadonlyArray<keyof ProviderFields>,
  describe: (key: string) => string
): string | undefined => {
  const found = names.find((name) => said[name] !== undefined)
  return found === undefined ? undefined : describe(keys[found] ?? found)
}
