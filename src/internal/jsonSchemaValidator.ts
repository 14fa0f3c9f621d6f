/**
 * Full validation against a JSON Schema of draft 2020-12, formats included.
 *
 * - V1. All faults are reported, each with its path and in words that a model can act on.
 * - V2. The validator library is loaded with the first schema and never before.
 * - V3. Compiling does not retain the schema, and one schema cannot see another's definitions.
 */
import type { Ajv2020, ErrorObject, ValidateFunction } from "ajv/dist/2020.js"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type * as JsonPath from "./jsonPath.ts"
import type { JsonSchemaObject } from "./jsonSchema.ts"

/**
 * One fault of a value.
 * @category models
 * @since 0.1.0
 */
export interface Fault {
  readonly path: JsonPath.Path
  readonly message: string
}

/**
 * Finds the faults of a value.
 * @category models
 * @since 0.1.0
 */
export type Validator = (value: unknown) => ReadonlyArray<Fault>

/**
 * Compiles a JSON Schema; fails with what is wrong with it.
 * @category constructors
 * @since 0.1.0
 */
export const compile = (schema: JsonSchemaObject): Effect.Effect<Validator, string> =>
  Effect.flatMap(library, (ajv) => {
    const compiled = Either.try({ try: () => ajv.compile(schema), catch: explain })
    forget(ajv, schema)
    return Either.flatMap(
      compiled,
      (validate) =>
        "$async" in validate ? Either.left("$async is not JSON Schema") : Either.right(toValidator(validate))
    )
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const load = async () => {
  const [{ Ajv2020 }, formats] = await Promise.all([import("ajv/dist/2020.js"), import("ajv-formats")])
  // without `ownProperties`, `toString` is a property that every object has
  const ajv = new Ajv2020({ strict: false, allErrors: true, logger: false, ownProperties: true })
  formats.default.default(ajv)
  return ajv
}

let loading: ReturnType<typeof load> | undefined

// a promise rather than Effect.cached, which would also remember that its first caller was interrupted
const library = Effect.promise(() => loading ??= load())

/** Without this, which `addUsedSchema: false` would do but for references to the root, ajv holds every schema. */
const forget = (ajv: Ajv2020, schema: JsonSchemaObject) => {
  if (schema["$id"] === undefined || typeof schema["$id"] === "string") ajv.removeSchema(schema)
}

const explain = (cause: unknown): string => {
  if (cause instanceof RangeError) return "a reference leads back to itself, or the schema is nested too deeply"
  return cause instanceof Error ? cause.message : String(cause)
}

const toValidator = (validate: ValidateFunction): Validator => (value) =>
  Either.match(Either.try(() => validate(value)), {
    onLeft: () => [{ path: [], message: "is nested too deeply to be checked" }],
    onRight: (isValid) => isValid ? [] : (validate.errors ?? []).map((error) => toFault(error, value))
  })

const toFault = (error: ErrorObject, value: unknown): Fault => {
  const path = toPath(error.instancePath, value)
  const { additionalProperty, allowedValue, allowedValues, missingProperty, unevaluatedProperty } = error.params
  const unexpected = additionalProperty ?? unevaluatedProperty
  if (typeof missingProperty === "string") return { path: [...path, missingProperty], message: "is missing" }
  if (typeof unexpected === "string") return { path: [...path, unexpected], message: "is unexpected" }
  const allowed = error.keyword === "const" ? [allowedValue] : allowedValues
  const choices = Array.isArray(allowed) ? `: ${allowed.map((choice) => JSON.stringify(choice)).join(", ")}` : ""
  return { path, message: `${error.message ?? error.keyword}${choices}` }
}

/** A JSON pointer does not tell an index from a key; the value does. */
const toPath = (pointer: string, value: unknown): JsonPath.Path => {
  const path: Array<PropertyKey> = []
  let current = value
  for (const segment of pointer.split("/").slice(1)) {
    const key = segment.replaceAll("~1", "/").replaceAll("~0", "~")
    path.push(Array.isArray(current) ? Number(key) : key)
    current = typeof current === "object" && current !== null ? Reflect.get(current, key) : undefined
  }
  return path
}
