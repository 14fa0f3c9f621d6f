/**
 * The benchmark: `npm run bench`. Prints figures, never fails because of them: they depend on the machine.
 */
import { execFileSync, spawnSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import type { Result, Starts } from "./Report.ts"
import * as Report from "./Report.ts"

const root = process.cwd()
const print = (line = "") => process.stdout.write(`${line}\n`)

const inTemporary = <A>(use: (directory: string) => A): A => {
  const directory = Fs.mkdtempSync(Path.join(process.env["OWF_BENCH_DIR"] ?? Os.tmpdir(), "owf-bench-"))
  try {
    return use(directory)
  } finally {
    Fs.rmSync(directory, { recursive: true, force: true })
  }
}

const scenario = (name: string, calls: number, concurrency: number): Result =>
  inTemporary((home) =>
    JSON.parse(execFileSync(
      process.execPath,
      [Path.join(import.meta.dirname, "Scenario.js"), name, `${calls}`, `${concurrency}`, home],
      { encoding: "utf8", maxBuffer: 1 << 20 }
    )) as Result
  )

/** The scenario several times, and the run whose rate against its own raw rate is the median one. */
const median = (name: string, calls: number, concurrency: number, times: number): Result => {
  const ratio = (result: Result) => Report.rateOf(result) / result.raw.alone
  const results = Array.from({ length: times }, () => scenario(name, calls, concurrency)).toSorted((a, b) =>
    ratio(a) - ratio(b)
  )
  const middle = results[Math.floor(times / 2)]
  if (middle === undefined) throw new Error(`no result for ${name}`)
  return middle
}

const medianStart = (command: ReadonlyArray<string>, cwd: string): number => {
  const [file = "", ...args] = command
  const times = Array.from({ length: 9 }, () => {
    const start = performance.now()
    const { status } = spawnSync(file, args, {
      cwd,
      stdio: "ignore",
      env: { ...process.env, OWF_HOME: Path.join(cwd, "home") }
    })
    if (status !== 0) throw new Error(`${command.join(" ")} ended with ${status}`)
    return performance.now() - start
  })
  return times.toSorted((a, b) => a - b)[4] ?? Number.NaN
}

const starts: Starts = inTemporary((directory) => ({
  node: medianStart([process.execPath, "-e", "0"], directory),
  version: medianStart([process.execPath, Path.join(root, "dist/bin/owf.js"), "--version"], directory),
  hello: medianStart(
    [process.execPath, Path.join(root, "dist/bin/owf.js"), "run", Path.join(root, "examples/01-hello.ts")],
    directory
  )
}))

print(`Node ${process.version}, ${Os.availableParallelism()} processors, ${Os.tmpdir()}`)
print(
  `cold start, median of 9: node -e 0 ${starts.node.toFixed(0)} ms, owf --version ${starts.version.toFixed(0)} ms, ` +
    `owf run 01-hello.ts ${starts.hello.toFixed(0)} ms`
)
print()

const results: ReadonlyArray<Result> = [
  ...[200, 1_000, 10_000].flatMap((calls) =>
    [8, 64].map((concurrency) => median("fan-out", calls, concurrency, calls === 200 ? 5 : 3))
  ),
  median("chain", 1_000, 1, 3),
  median("replay", 1_000, 64, 3),
  median("replay", 10_000, 64, 3)
]
for (const line of Report.table(results)) print(line)
print()
for (const target of Report.targets(results, starts)) print(Report.line(target))
