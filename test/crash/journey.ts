/**
 * The journey: a run with everything in it, to be cut off anywhere and taken up until it ends as if nothing had happened.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"
import { assert } from "vitest"
import * as Crash from "../lib/crash.ts"
import * as Invariants from "../lib/invariants.ts"
import type { Moment, Orders, Report } from "./fixtures/orders.ts"

/** A journey nothing happened to, and the scene the others start in: an earlier run left one answer in the cache. */
export interface Journey {
  readonly template: Crash.Scene
  readonly report: Report
  readonly output: Buffer
  readonly requests: number
}

/** What a process that makes the journey, or goes on with it, is told. */
export const orders = (scene: Crash.Scene, seed: number): Omit<Orders, "home" | "books"> => ({
  action: isBegun(scene) ? "resume" : "start",
  workflow: "journey",
  // more than it uses, so that what is lost counts at what was set aside for it
  budget: 100_000,
  latency: { seed, least: 0, most: 20 }
})

/** Makes the journey without anything happening to it. */
export const make = async (): Promise<Journey> => {
  const template = Crash.newScene()
  await Crash.report(template, { action: "start", workflow: "earlier" })
  const scene = Crash.copyOf(template)
  const report = await Crash.report(scene, orders(scene, 1))
  assert.deepStrictEqual([report.status, report.failure], ["done", null])
  Invariants.afterEnd(scene, report)
  return { template, report, output: outputOf(scene, report), requests: Crash.asked(scene).length }
}

/** How often a moment comes in a journey nothing happens to. */
export const hitsOf = (journey: Journey, step: Moment["step"], moment: Moment["moment"]): number => {
  const hits = journey.report.hits[`${step}:${moment}`]
  if (hits === undefined) throw new Error(`${step}:${moment} never comes`)
  return hits
}

/** Goes on in a fresh process, with other latencies, until the end, which must be as if nothing had happened. */
export const endsTheSame = async (
  journey: Journey,
  scene: Crash.Scene,
  cuts: ReadonlyArray<Invariants.Cut>
): Promise<void> => {
  const report = await Crash.report(scene, orders(scene, 2))
  assert.deepStrictEqual([report.status, report.failure], ["done", null])
  assert.strictEqual(report.outputJson, journey.report.outputJson)
  assert.deepStrictEqual(outputOf(scene, report), journey.output)
  const found = Invariants.afterEnd(scene, report)
  Invariants.paidOnce(scene, cuts, journey.requests)
  const own = found.attempts.filter((attempt) => attempt["reserved_tokens"] !== 0)
  assert.strictEqual(report.spentTokens, Invariants.priceOf(own.length))
  assert.isAtLeast(own.length, Crash.asked(scene).length - Crash.asked(journey.template).length)
}

const isBegun = (scene: Crash.Scene): boolean =>
  Crash.snapshot(scene.home).runs.some((run) => run["workflow_name"] === "journey")

const outputOf = (scene: Crash.Scene, report: Report): Buffer =>
  Fs.readFileSync(Path.join(scene.home, "runs", report.runId!, "output.json"))
