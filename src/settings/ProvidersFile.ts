/**
 * The providers file, `{ "providers": { "<name>": { … } } }`: what users say about providers, beside their variables.
 *
 * - F1. A problem names the file, the line, the column, the key and what is accepted; all problems are reported at once.
 * - F2. A problem inside one provider concerns that provider; only what is wrong around them concerns all.
 * - F3. A key does not belong in the file: one that stands there is refused, and never repeated.
 */
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type { Member, Node } from "../internal/locatedJson.ts"
import * as LocatedJson from "../internal/locatedJson.ts"
import * as Nearest from "../internal/nearest.ts"
import type { ProviderFields } from "./ProviderFields.ts"
import * as Fields from "./ProviderFields.ts"

/**
 * A providers file that cannot be used, or a provider in it, with everything that is wrong with it.
 * @category errors
 * @since 0.1.0
 */
export class ProvidersFileError
  extends Schema.TaggedError<ProvidersFileError>("owf/Settings/ProvidersFileError")("ProvidersFileError", {
    file: Schema.String,
    problems: Schema.Array(Schema.Struct({
      /** Absent when the file could not be read at all. */
      line: Schema.optional(Schema.Number),
      column: Schema.optional(Schema.Number),
      detail: Schema.String
    }))
  })
{
  override get message(): string {
    return this.problems.map(({ column, detail, line }) =>
      `${[this.file, line, column].filter((part) => part !== undefined).join(":")}: ${detail}`
    ).join("; ")
  }
}

/**
 * A provider of the file.
 * @category models
 * @since 0.1.0
 */
export interface FileEntry {
  /** As it is written, in lower case. */
  readonly name: string
  readonly fields: Either.Either<ProviderFields, ProvidersFileError>
}

/**
 * Names are compared without case, and `-` is `_`, as in the names of variables.
 * @category converting
 * @since 0.1.0
 */
export const normal = (name: string): string => name.trim().toLowerCase().replaceAll("-", "_")

/**
 * The providers of a file, by normal name.
 * @category converting
 * @since 0.1.0
 */
export const parse = (
  file: string,
  text: string,
  userHome: string | undefined
): Either.Either<ReadonlyMap<string, FileEntry>, ProvidersFileError> => {
  const reader: Reader = { file, text, userHome }
  return Either.match(LocatedJson.parse(text), {
    onLeft: ({ column, detail, line }) =>
      Either.left(new ProvidersFileError({ file, problems: [{ line, column, detail: `not valid JSON: ${detail}` }] })),
    onRight: (root) => readRoot(reader, root)
  })
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

interface Reader {
  readonly file: string
  readonly text: string
  readonly userHome: string | undefined
}

type Problem = ProvidersFileError["problems"][number]

const providerName = /^[a-z0-9][a-z0-9._-]*$/i
const secretName = /^(?:api[_-]?)?(?:key|token|secret|password|credentials?)$|^(?:auth|bearer)[_-]?token$/i
const keyNames = [...Fields.fields.map(({ key }) => key), "allow_http"]

const problem = ({ text }: Reader, at: number, detail: string): Problem => ({
  ...LocatedJson.placeOf(text, at),
  detail
})

const readRoot = (
  reader: Reader,
  root: Node
): Either.Either<ReadonlyMap<string, FileEntry>, ProvidersFileError> => {
  const broken = (problems: ReadonlyArray<Problem>) =>
    Either.left(new ProvidersFileError({ file: reader.file, problems }))
  if (root._tag !== "Object") return broken([problem(reader, root.at, "it has to be an object: {\"providers\": {…}}")])
  const unknown = root.members.filter(({ key }) => key !== "providers" && key !== "$schema")
  if (unknown.length > 0) {
    return broken(unknown.map(({ at, key }) => problem(reader, at, unknownKey(key, ["providers"]))))
  }
  const providers = root.members.find(({ key }) => key === "providers")?.value
  if (providers === undefined) return Either.right(new Map())
  if (providers._tag !== "Object") {
    return broken([problem(reader, providers.at, "providers has to be an object with a provider's name for each key")])
  }
  const found = new Map<string, FileEntry>()
  const problems: Array<Problem> = []
  for (const member of providers.members) {
    const name = normal(member.key)
    if (!providerName.test(member.key)) problems.push(problem(reader, member.at, badName(member.key)))
    else if (found.has(name)) problems.push(problem(reader, member.at, sameName(member.key, found.get(name)?.name)))
    else found.set(name, { name: member.key.toLowerCase(), fields: readEntry(reader, member) })
  }
  return problems.length > 0 ? broken(problems) : Either.right(found)
}

const badName = (key: string) =>
  `providers.${key} is no name for a provider; it has to begin with a letter or a digit and go on with those, '.', '-' or '_'`

const sameName = (key: string, first: string | undefined) =>
  `providers.${key} is the same name as providers.${first}: case does not matter, and '-' is '_'`

const readEntry = (reader: Reader, { key: name, value }: Member): FileEntry["fields"] => {
  const broken = (...problems: ReadonlyArray<Problem>) =>
    Either.left(new ProvidersFileError({ file: reader.file, problems }))
  if (value._tag !== "Object") return broken(problem(reader, value.at, `providers.${name} has to be an object`))
  const members = new Map(value.members.map((member) => [member.key, member]))
  const path = (key: string) => `providers.${name}.${key}`
  const unknown = value.members.flatMap(({ at, key }) =>
    keyNames.includes(key) ? [] : [problem(reader, at, unknownKey(key, keyNames, path(key)))]
  )
  const http = members.get("allow_http")
  const allowHttp = http === undefined ? false : valueOf(http)
  const noFlag = http === undefined || typeof allowHttp === "boolean"
    ? []
    : [problem(reader, http.value.at, `${path("allow_http")} has to be true or false`)]
  const { fields, refusals } = Fields.read(
    (field) => Option.getOrUndefined(Option.map(Option.fromNullable(members.get(keyOf(field))), valueOf)),
    { allowHttp: allowHttp === true, howToAllowHttp: "\"allow_http\": true", userHome: reader.userHome }
  )
  const refused = refusals.map(({ accepted, name: field, value: written }) => {
    const key = keyOf(field)
    const what = written === undefined ? `${path(key)} has to be` : `${path(key)} is '${written}'; it has to be`
    return problem(reader, members.get(key)?.value.at ?? value.at, `${what} ${accepted}`)
  })
  const problems = [...unknown, ...noFlag, ...refused]
  return problems.length > 0 ? broken(...problems) : Either.right(fields)
}

const keyOf = (name: keyof ProviderFields): string => Fields.fields.find((field) => field.name === name)?.key ?? name

/** What is no text, number or boolean fits no field. */
const valueOf = ({ value }: Member): unknown => value._tag === "Scalar" ? value.value : null

const unknownKey = (key: string, known: ReadonlyArray<string>, path = key): string => {
  if (secretName.test(key)) {
    return `${path}: keys do not belong in this file; put it in a variable and the variable's name in api_key_env`
  }
  const advice = Nearest.suggestion(key, known).trim() || `What is known: ${known.join(", ")}.`
  return `${path} is not known. ${advice}`
}
