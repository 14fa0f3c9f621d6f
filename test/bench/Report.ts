/**
 * What the benchmark measures, and how it is printed beside its targets.
 */

/** What the machine does without us: transactions of one row, and rows in transactions of 64, per second. */
export interface Raw {
  readonly alone: number
  readonly grouped: number
}

/** One scenario, measured in a process of its own. */
export interface Result {
  readonly name: string
  readonly calls: number
  readonly concurrency: number
  readonly ms: number
  /** Time of the run itself, where `ms` is that of its replay. */
  readonly liveMs: number
  /** Time from the result until the run directory was complete and the store closed. */
  readonly filesMs: number
  readonly peakMb: number
  readonly databaseBytes: number
  readonly directoryBytes: number
  readonly raw: Raw
}

/** Medians of whole processes, in milliseconds. */
export interface Starts {
  readonly node: number
  readonly version: number
  readonly hello: number
}

interface Target {
  readonly what: string
  readonly value: number
  readonly wanted: string
  readonly met: boolean
}

/** Calls per second of a result. */
export const rateOf = ({ calls, ms }: Result): number => calls / ms * 1000

/** Lines of the table of results. */
export const table = (results: ReadonlyArray<Result>): ReadonlyArray<string> => [
  row([
    "scenario",
    "calls",
    "at once",
    "calls/s",
    "of raw",
    "ms/call",
    "peak MB",
    "files ms",
    "db B/call",
    "dir B/call",
    "raw tx/s",
    "raw grouped"
  ]),
  ...results.map((result) => {
    // a replay's database and directory are those of the run it replays
    const { calls, concurrency, databaseBytes, directoryBytes, filesMs, ms, name, peakMb, raw } = result
    return row([
      name,
      `${calls}`,
      name === "chain" ? "1" : `${concurrency}`,
      rateOf(result).toFixed(0),
      (rateOf(result) / raw.alone).toFixed(2),
      (ms / calls).toFixed(3),
      peakMb.toFixed(0),
      filesMs.toFixed(0),
      (databaseBytes / calls).toFixed(0),
      (directoryBytes / calls).toFixed(0),
      raw.alone.toFixed(0),
      raw.grouped.toFixed(0)
    ])
  })
]

/** What was aimed at and what was reached, as ratios within one run of the benchmark. */
export const targets = (results: ReadonlyArray<Result>, starts: Starts): ReadonlyArray<Target> => {
  const of = (name: string, calls: number, concurrency: number) =>
    results.find((one) => one.name === name && one.calls === calls && one.concurrency === concurrency)
  const found: Array<Target> = []
  const least = (what: string, value: number | undefined, bound: number) =>
    value === undefined ? undefined : found.push({ what, value, wanted: `at least ${bound}`, met: value >= bound })
  const most = (what: string, value: number | undefined, bound: number) =>
    value === undefined ? undefined : found.push({ what, value, wanted: `at most ${bound}`, met: value <= bound })
  for (const calls of [200, 1_000, 10_000]) {
    const result = of("fan-out", calls, 64)
    least(`fan-out of ${calls} at 64, of the raw rate`, result && rateOf(result) / result.raw.alone, 1.5)
  }
  const small = of("fan-out", 200, 64)
  const large = of("fan-out", 10_000, 64)
  most("time per call at 10,000, of that at 200", small && large && rateOf(small) / rateOf(large), 1.3)
  const chain = of("chain", 1_000, 1)
  least("chain, of the raw rate", chain && rateOf(chain) / chain.raw.alone, 0.2)
  const replay = of("replay", 10_000, 64)
  least("replay of 10,000, of the speed of running it", replay && replay.liveMs / replay.ms, 5)
  most("peak memory of 10,000 calls at 64, MB", large?.peakMb, 200)
  most("owf --version, of node -e 0", starts.version / starts.node, 4)
  return found
}

/** A target's line. */
export const line = ({ met, value, wanted, what }: Target): string =>
  `${met ? "met   " : "MISSED"}  ${what}: ${value.toFixed(2)} (${wanted})`

const widths = [9, 6, 8, 8, 7, 8, 8, 9, 10, 11, 9, 12]

const row = (cells: ReadonlyArray<string>): string =>
  cells.map((cell, index) => index === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[index] ?? 0)).join(" ")
