/**
 * Looks at the installation, the configuration and a home, and says what is wrong and what to do.
 *
 * - D1. Nothing is changed, made or sent: a home that is not there stays so, and no provider is asked.
 * - D2. `broken` is for what somebody set up and does not work; what is merely not there is `info`.
 * - D3. Keys are named by their variables and never shown.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Fs from "node:fs"
import { createRequire } from "node:module"
import * as Path from "node:path"
import * as Format from "../cli/Format.ts"
import type { Finding, KeyView, ProviderView } from "../cli/Inspection.ts"
import { version } from "../cli/Version.ts"
import * as BuiltIns from "../provider/BuiltIn.ts"
import * as Pricing from "../provider/Pricing.ts"
import type { Environment } from "../settings/Settings.ts"
import { Settings } from "../settings/Settings.ts"
import * as DoctorStore from "./DoctorStore.ts"
import * as InspectPrices from "./InspectPrices.ts"
import * as InspectProviders from "./InspectProviders.ts"
import * as ProgramProbe from "./ProgramProbe.ts"

/**
 * Everything there is to say, in a fixed order.
 * @category running
 * @since 0.1.0
 */
export const examine = Effect.fnUntraced(function*(home: string, environment: Environment) {
  const providers = yield* InspectProviders.all
  return [
    node(),
    packages(),
    yield* git,
    ...providers.flatMap((provider) => programs(provider, environment)),
    keys(providers),
    ...yield* configuration(providers, home),
    ...yield* prices,
    ...yield* DoctorStore.examine(home),
    yield* clock(home),
    ...nodeDebug(environment)
  ] satisfies ReadonlyArray<Finding>
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const finding = (check: string, status: Finding["status"], detail: string, advice: string | null = null): Finding => ({
  check,
  status,
  detail,
  advice
})

const node = (): Finding => {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number)
  const isOld = major < 20 || (major === 20 && minor < 19)
  return finding(
    "node",
    isOld ? "broken" : "ok",
    `Node ${process.versions.node} on ${process.platform} ${process.arch}`,
    isOld ? "Install Node 20.19 or later." : null
  )
}

const packages = (): Finding => {
  const effect = versionOf("effect")
  const platform = versionOf("@effect/platform")
  return finding("packages", "ok", `open-agent-workflows ${version}, effect ${effect}, @effect/platform ${platform}`)
}

const versionOf = (name: string): string => {
  try {
    const manifest: unknown = createRequire(import.meta.url)(`${name}/package.json`)
    return typeof manifest === "object" && manifest !== null && "version" in manifest
      ? String(manifest.version)
      : "of no version"
  } catch {
    return "not found"
  }
}

const git = Effect.map(ProgramProbe.probe("git"), ({ path, problem, version }): Finding =>
  problem === null
    ? finding("git", "ok", `${version ?? "version not known,"} at ${path}`)
    : finding(
      "git",
      "warning",
      problem,
      "Install git: worktrees and the cache's view of a repository need it."
    ))

const programs = (view: ProviderView, environment: Environment): ReadonlyArray<Finding> => {
  const builtIn = BuiltIns.all.find(({ name }) => name === view.name)
  if (view.program === null || builtIn?._tag !== "Program") return []
  const { command, path, problem, version } = view.program
  const isConfigured = command !== builtIn.program
  const install = isConfigured
    ? `Correct the command of ${view.name}, or leave it out.`
    : `Install it with \`npm install -g ${builtIn.package}\`.`
  if (path === null) {
    const detail = Format.bare(view.name, `${command}: ${problem}`)
    return [finding(view.name, isConfigured ? "broken" : "info", detail, install)]
  }
  if (problem !== null) {
    const blocked = problem.includes("install script")
    const advice = blocked
      ? `Run \`npm install -g --allow-scripts=${builtIn.package} ${builtIn.package}\`, or its install.cjs.`
      : `See what \`${command} --version\` says.`
    return [finding(view.name, version === null && !blocked ? "warning" : "broken", `${path}: ${problem}`, advice)]
  }
  const login = loginOf(builtIn, environment)
  const detail = `${version ?? "version not known,"} at ${path}, ${login ?? "no login found"}`
  if (version === null) return [finding(view.name, "warning", detail, `See what \`${command} --version\` says.`)]
  // a login may be in a keychain, which is not looked into
  return [
    login === undefined ? finding(view.name, "info", detail, sentence(builtIn.login)) : finding(view.name, "ok", detail)
  ]
}

const sentence = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`

const loginOf = ({ loginFiles, loginVariables }: BuiltIns.Program, environment: Environment): string | undefined => {
  const isSet = (variable: string) => (environment[variable]?.trim() ?? "") !== ""
  const variable = loginVariables.find(isSet)
  if (variable !== undefined) return `logs in with $${variable}`
  const home = environment["HOME"] ?? environment["USERPROFILE"]
  const file = loginFiles
    .map(({ folder, name, variable }) => Path.join(environment[variable] ?? Path.join(home ?? "/", folder), name))
    .find((path) => Fs.existsSync(path))
  return file === undefined ? undefined : `logged in (${file})`
}

const keys = (providers: ReadonlyArray<ProviderView>): Finding => {
  const set = providers.flatMap(({ key }) => key === null || key.set === null ? [] : [`$${key.set}`])
  return set.length === 0
    ? finding("keys", "info", "no key of an API is set", "Set a key such as OPENAI_API_KEY to use an API.")
    : finding("keys", "ok", `set: ${[...new Set(set)].join(", ")}`)
}

const configuration = Effect.fnUntraced(function*(providers: ReadonlyArray<ProviderView>, home: string) {
  const settings = yield* Settings
  const names = yield* settings.configuredProviders
  const problem = yield* settings.providersFileProblem
  const file = settings.providersFile?.path
  const exists = file !== undefined && Fs.existsSync(file)
  const whole = Option.match(problem, {
    onSome: ({ message }) =>
      finding("providers file", "broken", message, "Correct it; built-in providers work without."),
    onNone: () =>
      exists
        ? finding("providers file", "ok", `${file}`)
        : finding("providers file", "info", `there is none${file === undefined ? "" : ` at ${file}`}`)
  })
  const said = providers.filter(({ name, program, source }) =>
    program === null && (source === "configured" || names.includes(name))
  )
  const each = said.map(({ key, name, problem }) => {
    if (problem === null) return finding(`provider ${name}`, "ok", "configured, and its key is set or it takes none")
    const remedy = key !== null && key.set === null ? `Set ${variablesOf(key)}.` : "Correct what is configured."
    return finding(`provider ${name}`, "broken", Format.bare(name, problem), remedy)
  })
  const misconfigured = providers.filter(({ capabilities, program }) => program !== null && capabilities === null)
    .map(({ name, problem }) =>
      finding(
        `provider ${name}`,
        "broken",
        Format.bare(name, problem ?? "it cannot be used"),
        "Correct what is configured."
      )
    )
  const ignored = Path.join(home, "providers.json")
  const inHome = ignored !== file && Fs.existsSync(ignored)
    ? [
      finding("providers file", "info", `${ignored} is not read`, "What decides where keys go stands in your own home.")
    ]
    : []
  return [whole, ...inHome, ...each, ...misconfigured]
})

const variablesOf = ({ variables }: KeyView): string => variables.map((variable) => `$${variable}`).join(" or ")

const prices = Effect.gen(function*() {
  const loaded = yield* Effect.either(Pricing.load)
  if (loaded._tag === "Left") {
    return [finding("prices", "broken", loaded.left.message, "Correct the file; nothing is priced without it.")]
  }
  const tables = yield* InspectPrices.tableViews(loaded.right)
  return tables.map(({ age_days: age, models, path, problem, source, table }) => {
    const count = models === null ? "" : `, ${Format.count(models, "model")}`
    if (problem !== null) return finding("prices", "warning", problem, "Fetch it again with `owf prices --refresh`.")
    const isOld = age !== null && age > 30
    return finding(
      "prices",
      isOld ? "warning" : "ok",
      `${table}: ${source}${count}${age === null ? "" : `, fetched ${Format.count(age, "day")} ago`}${
        path === null ? "" : ` (${path})`
      }`,
      isOld ? "Fetch newer prices with `owf prices --refresh`." : null
    )
  })
})

/** Leases, deadlines and price dates read the clock, so one that is far off does harm. */
const clock = Effect.fnUntraced(function*(home: string) {
  const now = yield* Clock.currentTimeMillis
  const shown = new Date(now).toISOString()
  const day = 86_400_000
  const installed = modified(createRequire(import.meta.url).resolve("effect/package.json"))
  const written = modified(Path.join(home, "workflow.sqlite"))
  const isBehind = (installed ?? 0) > now + day || (written ?? 0) > now + day
  return isBehind
    ? finding("clock", "warning", `${shown}, before files that are here were written`, "Set the clock of this machine.")
    : finding("clock", "ok", shown)
})

const modified = (path: string): number | undefined => Fs.statSync(path, { throwIfNoEntry: false })?.mtimeMs

const nodeDebug = (environment: Environment): ReadonlyArray<Finding> =>
  /\b(?:http|https|net|tls|undici|fetch)\b/i.test(environment["NODE_DEBUG"] ?? "")
    ? [finding("NODE_DEBUG", "warning", "Node prints the headers of requests, with keys", "Unset NODE_DEBUG.")]
    : []
