/**
 * The JSON Schemas of tools' arguments and results, from the Effect Schemas that decode them.
 *
 * Clients want an object at the root, plain keywords, and results that may have more fields than were promised.
 */
import * as JSONSchema from "effect/JSONSchema"
import * as Predicate from "effect/Predicate"
import type * as Schema from "effect/Schema"

/**
 * A JSON Schema of an object.
 * @category models
 * @since 0.1.0
 */
export type ObjectSchema = Readonly<Record<string, unknown>> & { readonly type: "object" }

/**
 * The schema of a tool's arguments: nothing but what it names is accepted.
 * @category converting
 * @since 0.1.0
 */
export const ofInput = <A, I, R>(schema: Schema.Schema<A, I, R>): ObjectSchema => of(schema, true)

/**
 * The schema of a tool's result: what it names is there, and there may be more.
 * @category converting
 * @since 0.1.0
 */
export const ofOutput = <A, I, R>(schema: Schema.Schema<A, I, R>): ObjectSchema => of(schema, false)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const of = <A, I, R>(schema: Schema.Schema<A, I, R>, closed: boolean): ObjectSchema => {
  const { properties, ...rest } = plain(JSONSchema.make(schema), closed)
  // a struct without fields is described as anything that is not nothing, which clients refuse
  return properties === undefined
    ? { type: "object", properties: {}, ...(closed ? { additionalProperties: false } : {}) }
    : { ...rest, properties, type: "object" }
}

const plain = (value: object, closed: boolean): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    Object.entries(value).flatMap(([key, part]): ReadonlyArray<[string, unknown]> => {
      if (key === "$schema" || (key === "$id" && String(part).startsWith("/schemas/"))) return []
      if (key === "title" && typeof part === "string" && value !== undefined && isType(value)) return []
      if (key === "additionalProperties" && part === false && !closed) return []
      return [[key, inner(part, closed)]]
    })
  )

const inner = (part: unknown, closed: boolean): unknown =>
  Array.isArray(part)
    ? part.map((one: unknown) => inner(one, closed))
    : Predicate.isRecord(part)
    ? plain(part, closed)
    : part

/** A schema, as opposed to the fields of one. */
const isType = (value: object): boolean => "type" in value || "$id" in value || "anyOf" in value
