/**
 * What shape an answer must have: as JSON Schema for the provider, as a decoder for what comes back.
 *
 * - A1. What `json` accepts `decode` accepts, as far as shape goes, so a provider that honours it is not sent back.
 * - A2. `decode` reports every fault with its path, which is what a re-prompt needs.
 * - A3. One schema is compiled once per process, however many calls use it.
 * - A4. A null where a field may be absent counts as absent, if that is what makes the answer valid: providers with
 *   strict schemas have no other way to leave a field out.
 *
 * A schema that cannot be expressed or compiled is an error before any request is made.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as ParseResult from "effect/ParseResult"
import * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"
import type * as Types from "effect/Types"
import * as AdvertisedSchema from "../internal/advertisedSchema.ts"
import * as CanonicalJson from "../internal/canonicalJson.ts"
import * as JsonPath from "../internal/jsonPath.ts"
import type { JsonSchemaObject } from "../internal/jsonSchema.ts"
import * as JsonSchema from "../internal/jsonSchema.ts"
import type { Fault } from "../internal/jsonSchemaValidator.ts"
import * as JsonSchemaValidator from "../internal/jsonSchemaValidator.ts"
import * as Sha256 from "../internal/sha256.ts"

/**
 * The shape of an answer of type `A`.
 * @category models
 * @since 0.1.0
 */
export interface AnswerSchema<in out A> {
  /** JSON Schema of draft 2020-12 without `$schema`, whose root is not a reference. */
  readonly json: JsonSchemaObject
  /** SHA-256 of the canonical text of `json`. */
  readonly hash: string
  /** The typed answer, or every fault of the value. */
  readonly decode: (value: unknown) => Either.Either<A, ReadonlyArray<ValidationIssue>>
  /** The JSON to store for an answer; decodes to the same answer. Throws when the value is not an `A`. */
  readonly encode: (value: A) => unknown
}

/**
 * A schema as users give it: an Effect Schema without requirements, or a JSON Schema, whose answers are `unknown`.
 * @category models
 * @since 0.1.0
 */
export type Input<A> = EffectSchema<A> | JsonSchemaObject

/**
 * The part of an Effect Schema that decides the type of an answer, whatever it is encoded as.
 * @category models
 * @since 0.1.0
 */
export interface EffectSchema<in out A> {
  readonly ast: AST.AST
  readonly [Schema.TypeId]: {
    readonly _A: Types.Invariant<A>
    readonly _R: Types.Covariant<never>
  }
}

/**
 * One fault of an answer: where (`$.a[0].b`) and what.
 * @category schemas
 * @since 0.1.0
 */
export const ValidationIssue = Schema.Struct({ path: Schema.String, message: Schema.String })

/**
 * One fault of an answer.
 * @category models
 * @since 0.1.0
 */
export type ValidationIssue = typeof ValidationIssue.Type

/**
 * A schema that no provider can be asked for.
 * @category errors
 * @since 0.1.0
 */
export class UnsupportedSchema
  extends Schema.TaggedError<UnsupportedSchema>("owf/AnswerSchema/UnsupportedSchema")("UnsupportedSchema", {
    reason: Schema.Literal("NoJsonSchema", "InvalidJsonSchema"),
    detail: Schema.String
  })
{
  override get message(): string {
    return this.reason === "NoJsonSchema"
      ? `the schema cannot be expressed as JSON Schema: ${this.detail}`
      : `the JSON Schema is not valid: ${this.detail}`
  }
}

/**
 * Annotation of an Effect Schema that is a JSON Schema with a type: answers are asked for and checked with that one.
 * @category constants
 * @since 0.1.0
 */
export const JsonSchemaId: unique symbol = Symbol.for("owf/AnswerSchema/JsonSchema")

/**
 * Compiles a schema, once per schema object.
 *
 * **Gotchas**
 *
 * A JSON Schema that is changed after its first use keeps its first meaning. Whoever names `A` for a JSON Schema
 * asserts it.
 * @category constructors
 * @since 0.1.0
 */
export const make = <A = unknown>(schema: Input<A>): Effect.Effect<AnswerSchema<A>, UnsupportedSchema> => {
  // kept for this very object by `remember`, and the object determines A
  const known = memo.get(schema) as Compiled<A> | undefined
  return known ?? remember(schema)
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

type Compiled<A> = Either.Either<AnswerSchema<A>, UnsupportedSchema>

const memo = new WeakMap<object, unknown>()

const remember = <A>(schema: Input<A>): Effect.Effect<AnswerSchema<A>, UnsupportedSchema> =>
  Effect.suspend(() => {
    if (!isEffectSchema(schema)) return fromJsonSchema<A>(schema)
    const written = schema.ast.annotations[JsonSchemaId]
    return JsonSchema.isObject(written) ? fromJsonSchema<A>(written) : fromEffectSchema(schema)
  }).pipe(
    Effect.either,
    Effect.tap((compiled) => Effect.sync(() => memo.set(schema, compiled))),
    Effect.flatten
  )

const isEffectSchema = <A>(schema: Input<A>): schema is EffectSchema<A> => Schema.isSchema(schema)

const unsupported = (reason: UnsupportedSchema["reason"]) => (detail: string) =>
  new UnsupportedSchema({ reason, detail })

const hashOf = (json: JsonSchemaObject): Either.Either<string, string> =>
  Either.mapBoth(CanonicalJson.encode(json), { onLeft: (error) => error.message, onRight: Sha256.hex })

const fromEffectSchema = <A>({ ast }: EffectSchema<A>): Compiled<A> => {
  const schema = Schema.make<A, unknown>(contentOfParseJson(ast))
  return Either.gen(function*() {
    const json = yield* AdvertisedSchema.make(schema)
    const hash = yield* hashOf(json)
    const isClosed = AdvertisedSchema.isClosed(json)
    const parse = ParseResult.decodeUnknownEither(schema, strictly)
    const parseLoosely = ParseResult.decodeUnknownEither(schema, loosely)
    const decode = (value: unknown): Decoded<A> => {
      const strict = parse(value)
      const parsed = Either.isRight(strict) || isClosed ? strict : parseLoosely(value)
      return Either.mapLeft(parsed, ParseResult.ArrayFormatter.formatIssueSync)
    }
    return { json, hash, decode: forgiving(catching(decode)), encode: encodeWith(schema) }
  }).pipe(Either.mapLeft(unsupported("NoJsonSchema")))
}

// Strictly first, also where extra keys are fine: a union takes the first member that fits, and one that ignores keys
// would fit, and drop them, before the member that has them.
const strictly: AST.ParseOptions = { errors: "all", onExcessProperty: "error" }
const loosely: AST.ParseOptions = { errors: "all" }

const encodeWith = <A>(schema: Schema.Schema<A, unknown>): (value: A) => unknown => {
  const encode = ParseResult.encodeEither(schema, strictly)
  const encodeLoosely = Schema.encodeSync(schema, loosely)
  return (value) => Either.getOrElse(encode(value), () => encodeLoosely(value))
}

/** A schema's own code, such as a transformation that throws, rejects the answer like everything else in it. */
const catching = <A>(decode: (value: unknown) => Decoded<A>) => (value: unknown): Decoded<A> =>
  Either.flatMap(
    Either.try({
      try: () => decode(value),
      catch: (cause): ReadonlyArray<Fault> => [
        { path: [], message: `could not be decoded: ${cause instanceof Error ? cause.message : String(cause)}` }
      ]
    }),
    (decoded) => decoded
  )

/** JSONSchema.make describes the content of a root `parseJson`; the answer is parsed already, so that is what it is. */
const contentOfParseJson = (ast: AST.AST): AST.AST =>
  AST.isTransformation(ast) && ast.from.annotations[AST.SchemaIdAnnotationId] === parseJsonId ? ast.to : ast

const parseJsonId = Schema.parseJson().ast.annotations[AST.SchemaIdAnnotationId]

const fromJsonSchema = <A>(schema: JsonSchemaObject): Effect.Effect<AnswerSchema<A>, UnsupportedSchema> =>
  Effect.gen(function*() {
    if (!JsonSchema.isObject(schema)) return yield* Effect.fail("it is not an object")
    yield* hashOf(schema)
    const { $schema: _, ...copy } = structuredClone(schema)
    const json = yield* JsonSchema.inlineRoot(copy)
    const validate = yield* JsonSchemaValidator.compile(json)
    const hash = yield* hashOf(json)
    const decode = (value: unknown): Decoded<A> => {
      const faults = validate(value)
      // valid, and A is what the caller of `make` says such a value is: unknown unless they say more
      return faults.length === 0 ? Either.right(value as A) : Either.left(faults)
    }
    return { json, hash, decode: forgiving(decode), encode: (value: A) => value }
  }).pipe(Effect.mapError(unsupported("InvalidJsonSchema")))

type Decoded<A> = Either.Either<A, ReadonlyArray<Fault>>

/** See A4. */
const forgiving =
  <A>(decode: (value: unknown) => Decoded<A>) => (value: unknown): Either.Either<A, ReadonlyArray<ValidationIssue>> => {
    const decoded = decode(value)
    if (Either.isRight(decoded)) return Either.right(decoded.right)
    const nulls = decoded.left.map(({ path }) => path).filter((path) =>
      typeof path.at(-1) === "string" && JsonPath.get(value, path) === null
    )
    const withoutNulls = nulls.length === 0 ? decoded : decode(JsonPath.omit(value, nulls))
    return Either.isRight(withoutNulls)
      ? Either.right(withoutNulls.right)
      : Either.left(decoded.left.map(toIssue))
  }

const maxMessage = 500

const toIssue = ({ message, path }: Fault): ValidationIssue => ({
  path: JsonPath.format(path),
  message: message.length > maxMessage ? `${message.slice(0, maxMessage)}…` : message
})
