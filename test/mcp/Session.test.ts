import * as Fs from "node:fs"
import * as Path from "node:path"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { directoryWith } from "../lib/node.ts"
import type { Connected, Era, Json } from "./client.ts"
import { connect, linksOf, textOf } from "./client.ts"
import * as Flows from "./flows.ts"

const names = [
  "owf_new_workflow",
  "owf_examples",
  "owf_validate_workflow",
  "owf_dry_run",
  "owf_providers",
  "owf_run_workflow",
  "owf_resume",
  "owf_cancel",
  "owf_status",
  "owf_events",
  "owf_output",
  "owf_calls",
  "owf_explain_cache",
  "owf_report",
  "owf_artifacts",
  "owf_read_artifact",
  "owf_list_runs",
  "owf_usage"
]

const itemsOf = (value: Json): ReadonlyArray<Json> => value["items"] as ReadonlyArray<Json>

// both servers work side by side, because most of the time is spent on starting processes
describe.concurrent.each<{ readonly era: Era }>([{ era: "2025-11-25" }, { era: "2026-07-28" }])(
  "an agent without a shell, in the era of $era",
  { timeout: 120_000 },
  ({ era }) => {
    let directory: string
    let owf: Connected
    const used = new Set<string>()

    beforeAll(async () => {
      directory = directoryWith({ "flow.ts": Flows.failing, "slow.ts": Flows.slow })
      const connected = await connect(era, directory)
      owf = {
        ...connected,
        call: (name, ...rest) => (used.add(name), connected.call(name, ...rest)),
        value: (name, given) => (used.add(name), connected.value(name, given)),
        refusal: (name, given) => (used.add(name), connected.refusal(name, given))
      }
    }, 60_000)

    afterAll(async () => {
      await owf.close()
      assert.sameMembers([...used], names, "every tool was used")
    })

    it("writes a workflow, checks it, tries it, runs it, corrects it, resumes it and reads about it", async ({ expect }) => {
      const { client } = owf
      expect(client.getNegotiatedProtocolVersion()).toBe(era)
      expect(client.getInstructions()).toContain("owf_validate_workflow")

      const { tools } = await client.listTools()
      expect(tools.map(({ name }) => name)).toEqual(names)
      for (const { annotations, description, inputSchema, outputSchema, title } of tools) {
        expect(title).toBeTruthy()
        expect(description).toBeTruthy()
        expect(inputSchema).toMatchObject({ type: "object", additionalProperties: false })
        expect(outputSchema?.type).toBe("object")
        expect(Object.keys(annotations ?? {})).toEqual(
          expect.arrayContaining(["readOnlyHint", "destructiveHint", "idempotentHint", "openWorldHint"])
        )
      }

      const examples = await owf.value("owf_examples")
      expect(itemsOf(examples).map(({ name }) => name)).toContain("01-hello")
      expect(await owf.value("owf_examples", { name: "01-hello" })).toHaveProperty("text")
      expect(String((await owf.value("owf_examples", { name: "guide" }))["text"])).toContain("Workflow.make")
      expect(itemsOf(await owf.value("owf_providers")).map(({ name }) => name)).toContain("fake")

      const made = await owf.value("owf_new_workflow", {
        output_path: "flows/review.ts",
        template_name: "review-panel"
      })
      expect(made["path"]).toBe(Path.join(directory, "flows/review.ts"))

      const valid = await owf.value("owf_validate_workflow", { path: "flow.ts" })
      expect(valid).toMatchObject({ valid: true, diagnostics: [] })
      expect(JSON.stringify(valid)).toContain("topic")

      // it ends as the run will: with the failure of the body, after its two calls
      const tried = await owf.call("owf_dry_run", { path: "flow.ts", args: { topic: "tests" } })
      expect(JSON.stringify(tried.structuredContent)).toContain("not yet")
      expect(Fs.existsSync(Path.join(directory, ".workflows"))).toBe(false)

      const progress: Array<string> = []
      const failed = await owf.call("owf_run_workflow", { path: "flow.ts", args: { topic: "tests" } }, {
        onprogress: ({ message }) => progress.push(message ?? "")
      })
      expect(failed.isError).toBe(true)
      expect(textOf(failed)).toMatch(/^owf: The workflow failed with Error: not yet/)
      expect(failed.structuredContent).toMatchObject({ status: "failed", calls_by_status: { done: 2 } })
      expect(progress.some((message) => message.startsWith("phase: ask"))).toBe(true)
      expect(progress.filter((message) => message.startsWith("call_settled"))).toHaveLength(2)
      const runId = String((failed.structuredContent as Json)["run_id"])

      const status = await owf.call("owf_status", { run_id: runId })
      expect(status.structuredContent).toMatchObject({ run_id: runId, status: "failed", calls: { total: 2 } })
      expect(JSON.parse(textOf(status))).toEqual(status.structuredContent)
      expect(await owf.value("owf_output", { run_id: runId })).toEqual({
        run_id: runId,
        status: "failed",
        output: null
      })
      const second = await owf.value("owf_calls", { run_id: runId, offset: 1 })
      expect(itemsOf(second)).toHaveLength(1)
      expect(itemsOf(second)[0]).toMatchObject({ label: "second", prompt: "second about tests" })
      const events = await owf.value("owf_events", { run_id: runId, limit: 2 })
      expect(itemsOf(events)).toHaveLength(2)
      const later = await owf.value("owf_events", { run_id: runId, after: events["next_after"], type: "log" })
      expect(itemsOf(later).map(({ message }) => message)).toEqual(["asked twice"])

      Fs.writeFileSync(Path.join(directory, "flow.ts"), Flows.corrected)
      const resumed = await owf.value("owf_resume", { run_id: runId })
      expect(resumed).toMatchObject({
        run_id: runId,
        status: "done",
        attempt: 2,
        output: { topic: "tests", answers: [true, true] }
      })
      const explained = await owf.value("owf_explain_cache", { run_id: runId })
      expect(itemsOf(explained).map(({ cache_status }) => cache_status)).toEqual(["replayed", "replayed"])

      const artifacts = itemsOf(await owf.value("owf_artifacts", { run_id: runId })).map(({ path }) => String(path))
      expect(artifacts).toHaveLength(4)
      const prompts = await Promise.all(
        artifacts.filter((path) => path.endsWith("prompt.txt")).map((path) =>
          owf.value("owf_read_artifact", { run_id: runId, path })
        )
      )
      expect(prompts.map(({ content }) => content)).toEqual(["first about tests", "second about tests"])
      const piece = await owf.value("owf_read_artifact", { run_id: runId, path: "output.json", max_bytes: 10 })
      expect(piece).toMatchObject({ truncated: true, offset: 0 })
      const rest = await owf.value("owf_read_artifact", {
        run_id: runId,
        path: "output.json",
        offset: piece["returned_bytes"]
      })
      expect(JSON.parse(`${String(piece["content"])}${String(rest["content"])}`)).toEqual(resumed["output"])

      const report = await owf.call("owf_report", { run_id: runId })
      expect(textOf(report)).toContain(runId)
      const [link = ""] = linksOf(report)
      const { contents: [read] } = await client.readResource({ uri: link })
      expect(read).toMatchObject({ uri: link, mimeType: "text/markdown" })
      expect(read !== undefined && "text" in read ? read.text : "").toContain(runId)
      const page = await owf.value("owf_report", { run_id: runId, format: "html" })
      expect(Fs.readFileSync(Path.resolve(directory, String(page["path"])), "utf8")).toContain("<!doctype html>")
      expect((await client.listResources()).resources.map(({ uri }) => uri)).toContain(link)
      expect((await client.listResourceTemplates()).resourceTemplates).toHaveLength(2)

      expect(itemsOf(await owf.value("owf_list_runs")).map(({ id }) => id)).toEqual([runId])
      expect(await owf.value("owf_usage", { by: "model" })).toMatchObject({ by: "model", total: { calls: 2 } })
    })

    it("starts a run in the background, follows it and stops it, and it can be resumed (MC-8)", async ({ expect }) => {
      const begun = await owf.value("owf_run_workflow", { path: "slow.ts", background: true, home: "other" })
      const about = { run_id: begun["run_id"], home: "other" }
      expect(begun["status"]).toBe("running")
      const asked = Date.now()
      let seen = await owf.value("owf_status", about)
      for (let look = 0; look < 5 && JSON.stringify(seen["calls_by_status"]) !== "{\"done\":1}"; look++) {
        seen = await owf.value("owf_status", { ...about, wait_ms: 5_000 })
      }
      expect(seen).toMatchObject({ status: "running", calls_by_status: { done: 1 } })
      const quiet = Date.now()
      expect(await owf.value("owf_status", { ...about, wait_ms: 600 })).toMatchObject({ status: "running" })
      expect(Date.now() - quiet).toBeGreaterThanOrEqual(550)
      expect(quiet - asked).toBeLessThan(40_000)
      expect(await owf.value("owf_cancel", about)).toMatchObject({ stopped: true, status: "interrupted" })
      expect(await owf.value("owf_cancel", about)).toMatchObject({ stopped: false, status: "interrupted" })
    })
  }
)
