/**
 * Turns `--args-json` and `--arg KEY=VALUE` into the arguments of a workflow, by what its schema takes.
 *
 * - G1. A field that takes texts gets the text as it is; any other gets JSON. A field that takes both gets the text when
 *   the schema accepts it.
 * - G2. An error names the key, the value and what is accepted.
 * - G3. `--arg` wins over `--args-json`; a key given twice is refused.
 *
 * Whether the arguments fit as a whole is the workflow's to say.
 */
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import * as AST from "effect/SchemaAST"
import * as Nearest from "../internal/nearest.ts"
import * as Format from "./Format.ts"
import type { UsageError } from "./UsageError.ts"
import * as Usage from "./UsageError.ts"

/**
 * The encoded arguments a command line gives.
 * @category converting
 * @since 0.1.0
 */
export const read = (
  schema: Schema.Schema.AnyNoContext | undefined,
  argsJson: string | undefined,
  pairs: ReadonlyArray<string>
): Either.Either<Readonly<Record<string, unknown>>, UsageError> =>
  Either.gen(function*() {
    const shape = shapeOf(schema)
    const given = yield* readObject(argsJson)
    const fields: Array<readonly [string, unknown]> = []
    for (const pair of pairs) {
      const [key, text] = yield* split(pair)
      if (fields.some(([known]) => known === key)) {
        return yield* Either.left(Usage.make(`--arg ${key} is given twice.`, "Give each key once."))
      }
      fields.push([key, yield* valueOf(shape, key, text)])
    }
    return { ...given, ...Object.fromEntries(fields) }
  })

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Shape {
  readonly fields: ReadonlyMap<string, AST.AST>
  /** What a key of any other name takes; undefined when there can be none. */
  readonly others: AST.AST | undefined
}

const shapeOf = (schema: Schema.Schema.AnyNoContext | undefined): Shape => {
  const fields = new Map<string, AST.AST>()
  let others: AST.AST | undefined
  for (const part of schema === undefined ? [] : membersOf(AST.encodedBoundAST(schema.ast))) {
    if (AST.isTypeLiteral(part)) {
      for (const { name, type } of part.propertySignatures) {
        const known = fields.get(String(name))
        fields.set(String(name), known === undefined ? type : AST.Union.make([known, type]))
      }
      others = part.indexSignatures[0]?.type ?? others
    } else others = AST.unknownKeyword
  }
  return { fields, others }
}

const membersOf = (ast: AST.AST): ReadonlyArray<AST.AST> => {
  if (AST.isUnion(ast)) return ast.types.flatMap(membersOf)
  if (AST.isSuspend(ast)) return membersOf(ast.f())
  return AST.isRefinement(ast) ? membersOf(ast.from) : [ast]
}

const readObject = (text: string | undefined): Either.Either<Readonly<Record<string, unknown>>, UsageError> => {
  if (text === undefined) return Either.right({})
  const example = `Write an object, such as --args-json '{"topic":"tests"}'.`
  return Either.flatMap(
    Either.mapLeft(parseJson(text), (error) => Usage.make(`--args-json is not JSON: ${error}`, example)),
    (value) =>
      Predicate.isReadonlyRecord(value) && !Array.isArray(value)
        ? Either.right(value)
        : Either.left(Usage.make(`--args-json must decode to an object; it is ${Format.clip(text, 60)}`, example))
  )
}

const decodeJson = Schema.decodeEither(Schema.parseJson())

const parseJson = (text: string): Either.Either<unknown, string> =>
  Either.mapLeft(decodeJson(text), (error) => error.message.split("\n").at(-1)?.replace(/^[\s└─]+/, "") ?? "")

const split = (pair: string): Either.Either<readonly [string, string], UsageError> => {
  const at = pair.indexOf("=")
  return at < 1
    ? Either.left(
      Usage.make(`--arg is '${Format.clip(pair, 80)}'; it has to be KEY=VALUE.`, "Such as --arg topic=tests.")
    )
    : Either.right([pair.slice(0, at), pair.slice(at + 1)])
}

const valueOf = (shape: Shape, key: string, text: string): Either.Either<unknown, UsageError> => {
  const type = shape.fields.get(key) ?? shape.others
  if (type === undefined) return Either.left(unknownKey(shape, key))
  const accepted = acceptedBy(type)
  const words = wordsOf(type)
  if (words !== undefined && !words.includes(text)) return Either.left(wrong(key, text, accepted, words))
  if (takesText(type, text)) return Either.right(text)
  return Either.flatMap(
    Either.mapLeft(parseJson(text), () => wrong(key, text, accepted)),
    (value) => accepts(type, value) ? Either.right(value) : Either.left(wrong(key, text, accepted))
  )
}

const takesText = (type: AST.AST, text: string): boolean => {
  const members = membersOf(type).filter((member) => !AST.isUndefinedKeyword(member))
  const texts = members.filter(isText)
  // a text that breaks a rule of a text field is still a text: the schema says what is wrong with it
  if (texts.length > 0 && texts.length === members.length) return true
  return texts.length > 0 ? accepts(type, text) : members.some(isAnything) && Either.isLeft(parseJson(text))
}

const isText = (ast: AST.AST): boolean =>
  AST.isStringKeyword(ast) || AST.isTemplateLiteral(ast) || (AST.isLiteral(ast) && typeof ast.literal === "string") ||
  (AST.isEnums(ast) && ast.enums.some(([, value]) => typeof value === "string"))

/** The texts a field takes, when it takes a few and nothing else. */
const wordsOf = (type: AST.AST): ReadonlyArray<string> | undefined => {
  const members = membersOf(type).filter((member) => !AST.isUndefinedKeyword(member))
  const words = members.flatMap((member) =>
    AST.isLiteral(member) && typeof member.literal === "string" ? [member.literal] : []
  )
  return words.length > 0 && words.length === members.length ? words : undefined
}

const isAnything = (ast: AST.AST): boolean => AST.isUnknownKeyword(ast) || AST.isAnyKeyword(ast)

const accepts = (type: AST.AST, value: unknown): boolean => Schema.is(Schema.make(type))(value)

const acceptedBy = (type: AST.AST): string =>
  alternativesOf(type).filter((member) => !AST.isUndefinedKeyword(member)).map(nameOf).join(" or ")

const alternativesOf = (ast: AST.AST): ReadonlyArray<AST.AST> =>
  AST.isUnion(ast) ? ast.types.flatMap(alternativesOf) : [ast]

const nameOf = (ast: AST.AST): string => {
  if (AST.isNumberKeyword(ast)) return "a number"
  if (AST.isBooleanKeyword(ast)) return "true or false"
  if (AST.isTupleType(ast)) return `a JSON array, ${String(ast)}`
  if (AST.isTypeLiteral(ast)) return `a JSON object, ${String(ast)}`
  return AST.isRefinement(ast)
    ? Option.getOrElse(AST.getDescriptionAnnotation(ast), () => nameOf(ast.from))
    : String(ast)
}

const wrong = (key: string, text: string, accepted: string, words: ReadonlyArray<string> = []): UsageError =>
  Usage.make(
    `--arg ${key} is '${Format.clip(text, 80)}'; it has to be ${accepted}.${Nearest.suggestion(text, words)}`,
    "Texts are given as they are, everything else as JSON."
  )

const unknownKey = (shape: Shape, key: string): UsageError => {
  const names = [...shape.fields.keys()]
  const takes = names.length === 0 ? "The workflow takes no arguments." : `It takes ${names.join(", ")}.`
  return Usage.make(`The workflow has no argument '${Format.clip(key, 80)}'.${Nearest.suggestion(key, names)}`, takes)
}
