/**
 * Columns of rows, checked by hand: a schema takes thirty times as long for a row, and a report has ten thousand of them.
 *
 * A row that does not decode is an error all the same, which names the row and the column.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Ids from "../domain/Ids.ts"
import type { CutText } from "../domain/Recorded.ts"
import type { StoreError } from "./RunStore.ts"
import * as SqlFailure from "./SqlFailure.ts"
import type { Row } from "./SqlRows.ts"
import type { Value } from "./SqlTemplates.ts"

/**
 * Asks the database for all rows of a statement.
 * @category models
 * @since 0.1.0
 */
export type All = (
  statement: string,
  ...parameters: ReadonlyArray<Value>
) => Effect.Effect<ReadonlyArray<Row>, StoreError>

/**
 * Decodes rows one by one.
 * @category converting
 * @since 0.1.0
 */
export const decode = <A>(path: string, one: (columns: Columns) => A) => (rows: ReadonlyArray<Row>) =>
  Effect.suspend((): Effect.Effect<Array<A>, StoreError> => {
    const columns = new Columns()
    const decoded: Array<A> = []
    for (const row of rows) {
      columns.row = row
      decoded.push(one(columns))
      if (columns.wrong !== undefined) {
        const place = `${String(row["run_id"])}, call ${String(row["call_index"])}`
        return Effect.fail(SqlFailure.make("Invalid", path, `a row of ${place} does not decode: ${columns.wrong}`))
      }
    }
    return Effect.succeed(decoded)
  })

/**
 * Reads columns of a row and remembers the first that is not what it has to be.
 * @category models
 * @since 0.1.0
 */
export class Columns {
  row: Row = {}
  wrong: string | undefined
  // rows of one run come one after the other: their id is checked once
  private checked: Ids.RunId | undefined

  private not<A>(name: string, stand: A): A {
    this.wrong ??= name
    return stand
  }

  runId(): Ids.RunId {
    const value = this.row["run_id"]
    if (value === this.checked && this.checked !== undefined) return this.checked
    if (!isRunId(value)) return this.not("run_id", "" as Ids.RunId)
    this.checked = value
    return value
  }

  text(name: string): string {
    const value = this.row[name]
    return typeof value === "string" ? value : this.not(name, "")
  }

  textOrNull(name: string): string | null {
    const value = this.row[name]
    return value === null || typeof value === "string" ? value : this.not(name, null)
  }

  count(name: string): number {
    const value = this.row[name]
    return typeof value === "number" && Number.isInteger(value) && value >= 0 ? value : this.not(name, 0)
  }

  countOrNull(name: string): number | null {
    return this.row[name] === null ? null : this.count(name)
  }

  amountOrNull(name: string): number | null {
    const value = this.row[name]
    return value === null || typeof value === "number" ? value : this.not(name, null)
  }

  word<A extends string>(name: string, words: ReadonlySet<string>): A {
    const value = this.row[name]
    // one of the words, which are those of the type
    return typeof value === "string" && words.has(value) ? value as A : this.not(name, "" as A)
  }

  callIdOrNull(name: string): Ids.CallId | null {
    const value = this.row[name]
    return value === null || isCallId(value) ? value : this.not(name, null)
  }

  /** The call a row belongs to. */
  callId(): Ids.CallId {
    return Ids.callId(this.runId(), this.count("call_index"))
  }

  /** A text that was cut where it is longer than it came. */
  cutOrNull(name: string, size: number | undefined): CutText | null {
    const text = this.textOrNull(name)
    if (text === null) return null
    const bytes = Buffer.byteLength(text)
    return size === undefined || size <= bytes ? { text, size: bytes, isCut: false } : { text, size, isCut: true }
  }

  cut(name: string, size: number | undefined): CutText {
    return this.cutOrNull(name, size) ?? this.not(name, { text: "", size: 0, isCut: false })
  }

  /** Sizes by name, where the row has any. */
  sizes(): Sizes {
    const value = this.row["sizes"]
    return value === null ? allFit : Option.getOrElse(decodeSizes(value), () => this.not("sizes", allFit))
  }
}

/**
 * Bytes of columns that did not come whole.
 * @category models
 * @since 0.1.0
 */
export type Sizes = Readonly<Record<string, number | null>>

/**
 * The sizes of a row that came whole.
 * @category models
 * @since 0.1.0
 */
export const allFit: Sizes = {}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const isRunId = Schema.is(Ids.RunId)
const isCallId = Schema.is(Ids.CallId)

const decodeSizes = Schema.decodeUnknownOption(
  Schema.parseJson(Schema.Record({ key: Schema.String, value: Schema.NullOr(Schema.NonNegativeInt) }))
)
