/**
 * The prompts of a batch as users write them: a file with a JSON object, or a bare string, on each line.
 *
 * - I1. Every line that is wrong is reported with its number, before anything is stored or sent.
 * - I2. A `custom_id` names one request: one that is given twice is an error, also where a line without one would get the
 *   id of another line.
 * - I3. The file is read as a stream, so it may be larger than memory; what is kept of it are the ids.
 */
import * as FileSystem from "@effect/platform/FileSystem"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as AnswerSchema from "../domain/AnswerSchema.ts"
import type { JsonSchemaObject } from "../internal/jsonSchema.ts"
import * as LocatedJson from "../internal/locatedJson.ts"
import * as Lines from "../internal/subprocess/Lines.ts"

/**
 * A request as a line asks for it.
 * @category models
 * @since 0.1.0
 */
export interface Item {
  readonly customId: string
  readonly prompt: string
  readonly model: string | undefined
  readonly system: string | undefined
  readonly maxTokens: number | undefined
  readonly schema: JsonSchemaObject | undefined
}

/**
 * A file that holds no valid batch, with everything that is wrong with it.
 * @category errors
 * @since 0.1.0
 */
export class BatchInputError extends Schema.TaggedError<BatchInputError>("owf/batch/BatchInputError")(
  "BatchInputError",
  {
    file: Schema.String,
    /** A sentence each, with the line's number where there is one. */
    problems: Schema.Array(Schema.String)
  }
) {
  override get message(): string {
    const [first = `${this.file} cannot be read`, ...rest] = this.problems
    return [first, ...rest.slice(0, shownProblems - 1), ...more(rest.length + 1)].join("\n")
  }
}

/**
 * What is known of a file after it was checked.
 * @category models
 * @since 0.1.0
 */
export interface Checked {
  readonly count: number
  /** Keys of lines that mean nothing here, sorted. */
  readonly unusedKeys: ReadonlyArray<string>
}

/**
 * Reads a file to its end and says whether all of it is valid (I1).
 * @category running
 * @since 0.1.0
 */
export const check = (file: string): Effect.Effect<Checked, BatchInputError, FileSystem.FileSystem> =>
  Effect.suspend(() => {
    const reader = new Reader(file)
    return read(file, reader).pipe(
      Stream.runDrain,
      Effect.flatMap(() => {
        if (reader.problems.length === 0 && reader.count === 0) reader.problems.push(`${file}: no prompts found`)
        return reader.problems.length > 0
          ? new BatchInputError({ file, problems: reader.problems })
          : Effect.succeed({ count: reader.count, unusedKeys: [...reader.unusedKeys].toSorted() })
      })
    )
  })

/**
 * The requests of a file, which fails where a line is not valid.
 * @category running
 * @since 0.1.0
 */
export const items = (file: string): Stream.Stream<Item, BatchInputError, FileSystem.FileSystem> =>
  Stream.suspend(() => {
    const reader = new Reader(file)
    return Stream.mapEffect(read(file, reader), (item) =>
      reader.problems.length > 0
        ? new BatchInputError({ file, problems: reader.problems })
        : Effect.succeed(item))
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const shownProblems = 50
const maxProblems = 10_000
const maxLineBytes = 67_108_864

const more = (problems: number): ReadonlyArray<string> =>
  problems > shownProblems ? [`… and ${problems - shownProblems} more problems`] : []

const read = (file: string, reader: Reader): Stream.Stream<Item, BatchInputError, FileSystem.FileSystem> =>
  Stream.unwrap(Effect.map(FileSystem.FileSystem, (fs) => {
    const splitter = Lines.make({ maxLineBytes })
    const last = Stream.suspend(() => {
      const lines = splitter.end()
      if (splitter.facts().dropped > 0) {
        reader.problems.push(`${file}: ${splitter.facts().dropped} lines have more than ${maxLineBytes} bytes`)
      }
      // what cannot be read would be sent, and paid for, as something else
      if (splitter.facts().invalidUtf8) reader.problems.push(`${file}: it is not encoded as UTF-8`)
      return Stream.fromIterable(lines)
    })
    return fs.stream(file).pipe(
      Stream.mapError((error) => {
        const why = error._tag === "SystemError" && error.reason === "NotFound" ? "it does not exist" : error.message
        return new BatchInputError({ file, problems: [`${file}: ${why}`] })
      }),
      Stream.mapConcat((bytes) => splitter.push(bytes)),
      Stream.concat(last),
      Stream.mapConcatEffect((line) => reader.take(line))
    )
  }))

const parse = Schema.decodeEither(Schema.parseJson())
const decodeText = Schema.is(Schema.String)
const isCustomId = Schema.is(Schema.Union(Schema.String, Schema.Int))
const isTokens = Schema.is(Schema.Int.pipe(Schema.positive()))

const known: ReadonlySet<string> = new Set(["custom_id", "max_tokens", "model", "prompt", "schema", "system"])

/** Reads lines one by one and remembers what is wrong. */
class Reader {
  readonly problems: Array<string> = []
  readonly unusedKeys = new Set<string>()
  count = 0
  private line = 0
  private readonly lineOf = new Map<string, number>()
  private readonly file: string
  constructor(file: string) {
    this.file = file
  }

  /** The request of a line; none where it is blank or wrong. */
  take(text: string): Effect.Effect<ReadonlyArray<Item>> {
    this.line++
    if (text.trim() === "") return Effect.succeed([])
    this.count++
    const parsed = parse(text)
    if (Either.isLeft(parsed)) return this.refuse(`invalid JSON: ${faultOf(text)}`)
    const value = typeof parsed.right === "string" ? { prompt: parsed.right } : parsed.right
    if (!Predicate.isRecord(value)) return this.refuse("each line needs a 'prompt' field")
    const { custom_id = `req-${this.count}`, max_tokens, model, prompt, schema, system } = fieldsOf(value)
    for (const key of Object.keys(value)) if (!known.has(key)) this.unusedKeys.add(key)
    if (!decodeText(prompt) || prompt.trim() === "") return this.refuse("each line needs a 'prompt' field")
    if (!isCustomId(custom_id) || `${custom_id}`.trim() === "" || `${custom_id}`.length > maxCustomId) {
      return this.refuse(`custom_id has to be a text of 1 to ${maxCustomId} characters`)
    }
    if (model !== undefined && (!decodeText(model) || model.trim() === "")) {
      return this.refuse("model has to be the name of a model")
    }
    if (system !== undefined && !decodeText(system)) return this.refuse("system has to be a text")
    if (max_tokens !== undefined && !isTokens(max_tokens)) {
      return this.refuse("max_tokens has to be a whole number of at least 1")
    }
    const first = this.lineOf.get(`${custom_id}`)
    if (first !== undefined) {
      const given = value["custom_id"] === undefined ? ", which a line without one gets," : ""
      return this.refuse(`custom_id '${custom_id}'${given} is that of line ${first} too`)
    }
    this.lineOf.set(`${custom_id}`, this.line)
    return Effect.map(this.schemaOf(schema), (schema) =>
      Option.toArray(schema).map((schema) => ({
        customId: `${custom_id}`,
        prompt,
        model,
        system,
        maxTokens: max_tokens,
        schema
      })))
  }

  private schemaOf(schema: unknown): Effect.Effect<Option.Option<JsonSchemaObject | undefined>> {
    if (schema === undefined) return Effect.succeedSome(undefined)
    if (!Predicate.isRecord(schema)) return Effect.as(this.refuse("schema has to be a JSON Schema"), Option.none())
    const text = JSON.stringify(schema)
    const before = this.schemas.get(text)
    if (before !== undefined) return Effect.succeedSome(before)
    return Effect.matchEffect(AnswerSchema.make(schema), {
      onFailure: (error) => Effect.as(this.refuse(`schema: ${error.message}`), Option.none()),
      onSuccess: () => Effect.succeedSome(this.remember(text, schema))
    })
  }

  /** Lines mostly share a schema, which is then compiled once. */
  private readonly schemas = new Map<string, JsonSchemaObject>()

  private remember(text: string, schema: JsonSchemaObject): JsonSchemaObject {
    if (this.schemas.size >= maxSchemas) this.schemas.clear()
    this.schemas.set(text, schema)
    return schema
  }

  private refuse(what: string): Effect.Effect<ReadonlyArray<never>> {
    if (this.problems.length < maxProblems) this.problems.push(`${this.file}:${this.line}: ${what}`)
    return Effect.succeed([])
  }
}

const maxCustomId = 512
const maxSchemas = 64

/** A null is a field that is left out. */
const fieldsOf = (value: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> =>
  Object.fromEntries(Object.entries(value).filter(([, field]) => field !== null))

const faultOf = (text: string): string =>
  Either.match(LocatedJson.parse(text), {
    onLeft: ({ column, detail }) => `${detail} (column ${column})`,
    onRight: () => "it cannot be read"
  })
