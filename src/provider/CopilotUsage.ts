/**
 * What the file says that `copilot --usage-output-file` writes: the counts of a whole session, earlier requests
 * included, so that a request's own are what it added.
 *
 * Input counts what was read from and written to the prompt cache too; output counts reasoning. Money is counted in AI
 * credits, of which GitHub sells one for a cent; what a plan includes is counted alike. Premium requests are no money:
 * where credits are not counted, for older plans and for models of the user's own, a price table has to say the cost.
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Money from "../domain/Money.ts"
import * as Usage from "../domain/Usage.ts"
import * as CliJson from "./CliJson.ts"
import type { Session } from "./Provider.ts"

/**
 * What a request used and cost.
 * @category models
 * @since 0.1.0
 */
export interface Spent {
  readonly usage: Usage.Usage
  readonly costUsd: number | undefined
}

/**
 * What a request added to the counts of its session; undefined where the file does not say.
 * @category converting
 * @since 0.1.0
 */
export const read = (text: string | undefined, session: Session | undefined): Spent | undefined => {
  const report = Option.getOrUndefined(decodeReport(CliJson.parse(text ?? "")))
  if (report === undefined) return undefined
  const counted = Object.values(report.modelMetrics).map(({ usage }) => ofModel(usage)).reduce(Usage.add, Usage.zero)
  const isCounted = report.aiCreditsStatus !== "unavailable" && (report.totalNanoAiu ?? 0) > 0
  const cost = isCounted ? (report.totalNanoAiu ?? 0) / nanoCreditsPerDollar : undefined
  if (session === undefined || !covers(counted, session.used)) return { usage: counted, costUsd: cost }
  const before = session.cost === undefined ? undefined : Money.toUsd(session.cost)
  return {
    usage: {
      inputTokens: counted.inputTokens - session.used.inputTokens,
      outputTokens: counted.outputTokens - session.used.outputTokens,
      cacheReadTokens: counted.cacheReadTokens - session.used.cacheReadTokens,
      cacheWriteTokens: counted.cacheWriteTokens - session.used.cacheWriteTokens
    },
    // a session whose earlier cost nobody knows gives no cost of its parts
    costUsd: cost === undefined || before === undefined ? undefined : Math.max(0, cost - before)
  }
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** A credit is a cent, and counted in billionths. */
const nanoCreditsPerDollar = 1e11

const { Count, loose } = CliJson

const Counts = Schema.Struct({
  inputTokens: Count,
  outputTokens: Count,
  cacheReadTokens: Count,
  cacheWriteTokens: Count
})

const decodeReport = Schema.decodeUnknownOption(Schema.Struct({
  modelMetrics: Schema.Record({ key: Schema.String, value: Schema.Struct({ usage: Counts }) }),
  totalNanoAiu: loose(Schema.NonNegative.pipe(Schema.finite())),
  aiCreditsStatus: loose(Schema.String)
}))

const ofModel = (counts: typeof Counts.Type): Usage.Usage => {
  const cacheReadTokens = counts.cacheReadTokens ?? 0
  const cacheWriteTokens = counts.cacheWriteTokens ?? 0
  return {
    inputTokens: Math.max(0, (counts.inputTokens ?? 0) - cacheReadTokens - cacheWriteTokens),
    outputTokens: counts.outputTokens ?? 0,
    cacheReadTokens,
    cacheWriteTokens
  }
}

/** Counts below what was counted before are not those of the whole session, so they are of this request alone. */
const covers = (counted: Usage.Usage, before: Usage.Usage): boolean =>
  counted.inputTokens >= before.inputTokens && counted.outputTokens >= before.outputTokens &&
  counted.cacheReadTokens >= before.cacheReadTokens && counted.cacheWriteTokens >= before.cacheWriteTokens
