/**
 * What can be said about a provider, in a variable or in the providers file, and what each of it takes.
 *
 * One check per field, for both places. A refusal says what is accepted; it repeats what was written unless that may be
 * a secret.
 */
import * as Url from "@effect/platform/Url"
import * as Either from "effect/Either"

/**
 * The wire format of a provider that users configure.
 * @category models
 * @since 0.1.0
 */
export type ProviderKind = "openai" | "anthropic" | "gemini"

/**
 * What is said about a provider; whatever is absent has its default.
 * @category models
 * @since 0.1.0
 */
export interface ProviderFields {
  readonly kind?: ProviderKind | undefined
  /** Address without a trailing slash, to which `/chat/completions` and the like are added. */
  readonly baseUrl?: string | undefined
  /** The variable that holds the key. */
  readonly keyVariable?: string | undefined
  /** The model of calls that name none. */
  readonly model?: string | undefined
  /** Requests it serves at the same time. */
  readonly concurrency?: number | undefined
  readonly requestsPerMinute?: number | undefined
  readonly tokensPerMinute?: number | undefined
  /** The program of a command line: a path, or a name that is looked up in `PATH`. */
  readonly command?: string | undefined
}

/**
 * A field's name in the two places it can be set in.
 * @category models
 * @since 0.1.0
 */
export interface Field {
  readonly name: keyof ProviderFields
  /** Its key in the providers file. */
  readonly key: string
  /** How the name of its variable ends. */
  readonly suffix: string
}

/**
 * What the check of a field depends on beside its value.
 * @category models
 * @since 0.1.0
 */
export interface Context {
  /** Whether plain `http:` is accepted for other machines. */
  readonly allowHttp: boolean
  /** How to say that it is. */
  readonly howToAllowHttp: string
  /** The user's own home, which `~/` stands for. */
  readonly userHome: string | undefined
}

/**
 * Why a value is not taken.
 * @category models
 * @since 0.1.0
 */
export interface Refusal {
  /** What it takes. */
  readonly accepted: string
  /** What was written, unless it may be a secret. */
  readonly value?: string | undefined
}

/**
 * Names of kinds, as they may be written.
 * @category models
 * @since 0.1.0
 */
export const kinds: ReadonlyMap<string, ProviderKind> = new Map([
  ["openai", "openai"],
  ["openai-compatible", "openai"],
  ["anthropic", "anthropic"],
  ["gemini", "gemini"],
  ["google", "gemini"]
])

/**
 * Every field, in the order of the documentation.
 * @category models
 * @since 0.1.0
 */
export const fields: ReadonlyArray<Field> = [
  { name: "kind", key: "kind", suffix: "KIND" },
  { name: "baseUrl", key: "base_url", suffix: "BASE_URL" },
  { name: "keyVariable", key: "api_key_env", suffix: "API_KEY_ENV" },
  { name: "model", key: "default_model", suffix: "MODEL" },
  { name: "concurrency", key: "concurrency", suffix: "CONCURRENCY" },
  { name: "requestsPerMinute", key: "requests_per_minute", suffix: "RPM" },
  { name: "tokensPerMinute", key: "tokens_per_minute", suffix: "TPM" },
  { name: "command", key: "command", suffix: "COMMAND" }
]

/**
 * Reads what is written of a provider: the fields that are right, and why others are not.
 * @category converting
 * @since 0.1.0
 */
export const read = (
  written: (name: keyof ProviderFields) => unknown,
  context: Context
): {
  readonly fields: ProviderFields
  readonly refusals: ReadonlyArray<Refusal & { readonly name: keyof ProviderFields }>
} => {
  const refusals: Array<Refusal & { readonly name: keyof ProviderFields }> = []
  const take = <A>(
    name: keyof ProviderFields,
    reader: (value: unknown, context: Context) => Either.Either<A, Refusal>
  ): A | undefined => {
    const value = written(name)
    if (value === undefined) return undefined
    const result = reader(value, context)
    if (Either.isRight(result)) return result.right
    refusals.push({ ...result.left, name })
    return undefined
  }
  const fields: ProviderFields = {
    kind: take("kind", kind),
    baseUrl: take("baseUrl", baseUrl),
    keyVariable: take("keyVariable", keyVariable),
    model: take("model", text("the name of a model")),
    concurrency: take("concurrency", count),
    requestsPerMinute: take("requestsPerMinute", count),
    tokensPerMinute: take("tokensPerMinute", count),
    command: take("command", command)
  }
  return { fields, refusals }
}

/**
 * Reads a count, which is a whole number of at least 1.
 * @category converting
 * @since 0.1.0
 */
export const count = (value: unknown): Either.Either<number, Refusal> => {
  const number = typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value
  return typeof number === "number" && number >= 1 && Number.isSafeInteger(number)
    ? Either.right(number)
    : refuse("a whole number of at least 1", value)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const keyVariableName = /^[A-Z_][A-Z0-9_]*$/
const loopback = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/

const refuse = (accepted: string, value?: unknown): Either.Either<never, Refusal> =>
  Either.left(typeof value === "object" || value === undefined ? { accepted } : { accepted, value: String(value) })

const text = (accepted: string) => (value: unknown): Either.Either<string, Refusal> =>
  typeof value === "string" && value.trim() !== "" ? Either.right(value.trim()) : refuse(accepted)

const kind = (value: unknown): Either.Either<ProviderKind, Refusal> => {
  const found = typeof value === "string" ? kinds.get(value.trim().toLowerCase()) : undefined
  return found === undefined ? refuse(`one of ${[...kinds.keys()].join(", ")}`, value) : Either.right(found)
}

const keyVariable = (value: unknown): Either.Either<string, Refusal> =>
  typeof value === "string" && keyVariableName.test(value.trim())
    ? Either.right(value.trim())
    // what stands here may be the key
    : refuse("the name of the variable that holds the key, not the key itself")

const command = (value: unknown, { userHome }: Context): Either.Either<string, Refusal> => {
  const accepted = "the absolute path of a program, or a name that is looked up in PATH"
  return Either.flatMap(text(accepted)(value), (path) => {
    if (path.startsWith("~/") && userHome !== undefined) return Either.right(`${userHome}${path.slice(1)}`)
    // a path that depends on where a run was started could be a file of whatever repository that is
    const isPlain = /^(?:\/|[A-Za-z]:[\\/])/.test(path) || !/[\\/]/.test(path)
    return isPlain && !path.includes("\0") ? Either.right(path) : refuse(accepted, path)
  })
}

const baseUrl = (value: unknown, { allowHttp, howToAllowHttp }: Context): Either.Either<string, Refusal> => {
  const accepted = "an address such as https://llm.example.org/v1"
  if (typeof value !== "string") return refuse(accepted)
  const parsed = Url.fromString(value.trim())
  // what cannot be read may hold a password as well
  if (Either.isLeft(parsed)) return refuse(accepted, value.includes("@") ? undefined : value)
  const url = parsed.right
  if (url.username !== "" || url.password !== "") {
    return refuse(`${accepted} without a user or password: name the variable that holds the key instead`)
  }
  // a key in the query would be in every log of the server
  if (url.search !== "" || url.hash !== "") return refuse(`${accepted}, without ? and #`)
  const isHttp = url.protocol === "https:" || url.protocol === "http:"
  if (!isHttp || (url.protocol === "http:" && !loopback.test(url.hostname) && !allowHttp)) {
    const advice = `an https: address, or any http: one after ${howToAllowHttp}, which sends the key in clear`
    return refuse(advice, value)
  }
  return Either.right(`${url.origin}${url.pathname.replace(/\/+$/, "")}`)
}
