import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Fs from "node:fs"
import * as Path from "node:path"
import type { BatchApi } from "open-agent-workflows/batch/Batch"
import * as Batch from "open-agent-workflows/batch/Batch"
import type * as BatchRun from "open-agent-workflows/batch/BatchRun"
import * as BatchSubmit from "open-agent-workflows/batch/BatchSubmit"
import * as ProcessOwner from "open-agent-workflows/node/ProcessOwner"
import * as Pricing from "open-agent-workflows/provider/Pricing"
import { ProviderUnavailable } from "open-agent-workflows/provider/Provider"
import { BatchStore } from "open-agent-workflows/store/BatchStore"
import type { Step } from "open-agent-workflows/store/FailPoint"
import { FailPoint } from "open-agent-workflows/store/FailPoint"
import { BatchPatience } from "../../src/batch/BatchWork.ts"
import * as SqlBatches from "../../src/store/SqlBatches.ts"
import type { Lab } from "../contract/BatchContract.ts"
import { temporary } from "../lib/store.ts"
import { prices } from "../provider/httpLab.ts"
import type * as Vendors from "./vendor.ts"

/** A home in front of a vendor; each `process` has a store of its own, as after a crash. */
export const worldOf = Effect.fnUntraced(function*(open: Effect.Effect<Lab, never, Scope.Scope>) {
  const lab = yield* open
  const home = yield* temporary
  const file = Path.join(home, "prompts.jsonl")
  const process = <A, E>(
    effect: Effect.Effect<A, E, BatchRun.Services>,
    options: { readonly api?: BatchApi; readonly at?: (step: Step, moment: "before" | "after") => void } = {}
  ): Effect.Effect<A, E> => {
    const api = options.api ?? lab.api
    const services = Layer.mergeAll(
      Layer.orDie(SqlBatches.layer({ home: Path.join(home, ".workflows"), mode: "write" })),
      Layer.succeed(Batch.Batches, {
        names: Effect.succeed(["mock"]),
        get: (name) =>
          name === "mock"
            ? Effect.succeed(api)
            : new ProviderUnavailable({ provider: name, detail: `no batches of ${name}` })
      }),
      Layer.succeed(Pricing.Pricing, prices),
      NodeFileSystem.layer
    ).pipe(Layer.provide(ProcessOwner.layer))
    return Effect.provide(effect, services).pipe(
      Effect.provideService(FailPoint, { hit: options.at ?? (() => {}) }),
      Effect.provideService(BatchPatience, {
        retry: { attempts: 4, base: Duration.millis(2), cap: Duration.millis(10) },
        believeAbsentAfter: Duration.millis(5),
        forLease: Duration.seconds(2)
      })
    )
  }
  const write = (...lines: ReadonlyArray<unknown>) =>
    Fs.writeFileSync(file, lines.map((line) => typeof line === "string" ? line : JSON.stringify(line)).join("\n"))
  const submit = Effect.map(
    Effect.flatMap(BatchSubmit.verify({ file, provider: "mock" }), BatchSubmit.store),
    (id) => ({ id })
  )
  const rows = (id: string) =>
    Effect.flatMap(BatchStore, (store) => Effect.flatMap(store.find(id), (batch) => store.rows(batch.id, 0, 100_000)))
  return { ...lab, home, file, process, write, submit, rows }
})

/** Ends what runs. */
export const finish = (vendor: Vendors.Vendor, ending: Vendors.Ending, row?: (index: number) => Vendors.RowKind) => {
  for (const job of vendor.jobs) if (job.state === "running") vendor.end(job, ending, row)
}

/** Refuses every request once, for a reason that passes. */
export const refusesEachOnce = (status: number): Vendors.Vendor["fault"] => {
  const seen = new Set<string>()
  return ({ method, url }) => {
    const what = `${method} ${url.replace(/\?.*/, "")}`
    if (seen.has(what)) return undefined
    seen.add(what)
    return { status, headers: { "retry-after-ms": "3" }, body: { error: { message: "later" } } }
  }
}
