/**
 * The user's own file of prices: `{ "<prefix>": [input, output] }` in dollars per million tokens, with or without an outer
 * `"prices"`.
 *
 * - V1. A prefix stands for the models whose names go on after it with `-`, `@` or `:`: `gpt-5` is not `gpt-5.5`, and
 *   `gpt-4` not `gpt-4o`. One that ends with `*`, `/` or one of those stands for every name it begins. `openai/gpt-5.5` is
 *   that model of that provider.
 * - V2. A price may also be an object with `input`, `output`, and what reading and writing the cache costs.
 * - V3. One bad entry refuses the file, with every bad entry named: half a table would let a budget pass.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { SettingsFile } from "../settings/Settings.ts"
import type { Rates } from "./PriceTable.ts"

/**
 * A price that the user set for the models a name begins.
 * @category models
 * @since 0.1.0
 */
export interface Override {
  readonly prefix: string
  /** Whether any name that begins so is meant (V1). */
  readonly isOpen: boolean
  readonly rates: Rates
}

/**
 * A file of prices that cannot be used, with everything that is wrong with it.
 * @category errors
 * @since 0.1.0
 */
export class PricesError extends Schema.TaggedError<PricesError>("owf/Provider/Pricing/PricesError")("PricesError", {
  file: Schema.String,
  problems: Schema.Array(Schema.String)
}) {
  override get message(): string {
    return `the prices in ${this.file} cannot be used: ${this.problems.join("; ")}`
  }
}

/**
 * The prices of a file, the longest name first.
 * @category constructors
 * @since 0.1.0
 */
export const read = Effect.fnUntraced(function*(file: SettingsFile) {
  const refuse = (...problems: ReadonlyArray<string>) => new PricesError({ file: file.path, problems })
  const text = yield* readText(file)
  if (text === undefined) return []
  const content = yield* Either.mapLeft(
    decodeFile(text.replace(/^\uFEFF/, "")),
    () => refuse("it is not a JSON object")
  )
  const entries = Object.entries(isRecord(content["prices"]) ? content["prices"] : content)
  const problems = entries.flatMap(([model, price]) =>
    isPrice(price) && model.trim() !== "" ? [] : [`'${model}' is not [dollars per million input, per million output]`]
  )
  if (problems.length > 0) return yield* refuse(...problems.slice(0, 20))
  return entries.flatMap(([model, price]) => isPrice(price) ? [override(model, price)] : [])
    .toSorted((left, right) => right.prefix.length - left.prefix.length)
})

/**
 * The override with the longest name that begins a model's.
 * @category converting
 * @since 0.1.0
 */
export const find = (
  overrides: ReadonlyArray<Override>,
  model: string,
  providers: ReadonlyArray<string>
): Override | undefined =>
  overrides.find((override) =>
    begins(override, model) ||
    // only a prefix that names a provider means one
    (override.prefix.includes("/") && providers.some((provider) => begins(override, `${provider}/${model}`)))
  )

/**
 * The text of a file of settings that may be missing; refuses one that is too large.
 * @category constructors
 * @since 0.1.0
 */
export const readText = Effect.fnUntraced(function*({ isNamed, path }: SettingsFile) {
  const fs = yield* FileSystem.FileSystem
  const refuse = (problem: string) => new PricesError({ file: path, problems: [problem] })
  const readable = Effect.gen(function*() {
    const { size, type } = yield* fs.stat(path)
    if (type !== "File") return yield* refuse("it is not a file")
    if (size > maxFileSize) return yield* refuse(`it has ${size} bytes, more than ${maxFileSize}`)
    return yield* fs.readFileString(path)
  })
  return yield* Effect.catchTags(readable, {
    SystemError: ({ reason }) => {
      if (reason !== "NotFound") return refuse(`it cannot be read (${reason})`)
      return isNamed ? refuse("it does not exist") : Effect.succeed(undefined)
    },
    BadArgument: () => refuse("it cannot be read")
  })
})

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const maxFileSize = 8_388_608n

const Dollars = Schema.NonNegative.pipe(Schema.finite())
const File = Schema.parseJson(Schema.Record({ key: Schema.String, value: Schema.Unknown }))
const decodeFile = Schema.decodeUnknownEither(File)
const isRecord = Schema.is(Schema.Record({ key: Schema.String, value: Schema.Unknown }))
const Pair = Schema.Tuple(Dollars, Dollars)
const Buckets = Schema.Struct({
  input: Dollars,
  output: Dollars,
  cache_read: Schema.optional(Dollars),
  cache_write: Schema.optional(Dollars),
  batch_input: Schema.optional(Dollars),
  batch_output: Schema.optional(Dollars)
}).pipe(Schema.filter(({ batch_input, batch_output }) => (batch_input === undefined) === (batch_output === undefined)))
const isPair = Schema.is(Pair)
const isPrice = Schema.is(Schema.Union(Pair, Buckets))

const flat = (base: number) => ({ base, tiers: [] })

const override = (model: string, price: typeof Pair.Type | typeof Buckets.Type): Override => {
  const name = model.toLowerCase().trim()
  const prefix = name.replace(/\*$/, "")
  const isOpen = prefix !== name || /[-@:/]$/.test(prefix)
  if (isPair(price)) return { prefix, isOpen, rates: { input: flat(price[0]), output: flat(price[1]) } }
  const { batch_input: batchInput, batch_output: batchOutput, cache_read: read, cache_write: write, input, output } =
    price
  const rates: Rates = {
    input: flat(input),
    output: flat(output),
    ...(read === undefined ? {} : { cacheRead: flat(read) }),
    ...(write === undefined ? {} : { cacheWrite: flat(write) }),
    ...(batchInput === undefined || batchOutput === undefined
      ? {}
      : { batch: { input: flat(batchInput), output: flat(batchOutput) } })
  }
  return { prefix, isOpen, rates }
}

const begins = ({ isOpen, prefix }: Override, name: string): boolean =>
  name.startsWith(prefix) && (isOpen || name.length === prefix.length || /^[-@:]/.test(name.slice(prefix.length)))
