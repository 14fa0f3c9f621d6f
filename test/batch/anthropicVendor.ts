import type { Asked, Given, Protocol, Reply, Vendor, VendorJob } from "./vendor.ts"
import { key, notFound, reversed } from "./vendor.ts"

const path = "/v1/messages/batches"

/** A server that speaks Anthropic's protocol of message batches. */
export const anthropic = (): Protocol => ({
  route: (asked, vendor) => {
    const [where = "", query = ""] = asked.url.split("?")
    // the vendor's own client sends its key in another header
    const { authorization, "anthropic-version": version, "x-api-key": sent } = asked.headers
    if ((sent !== key && authorization !== `Bearer ${key}`) || version === undefined) {
      return refused(401, "authentication_error", "invalid x-api-key")
    }
    if (asked.method === "POST" && where === path) return create(asked, vendor)
    if (asked.method === "GET" && where === path) return list(vendor, new URLSearchParams(query))
    const [, id, action] = /^\/v1\/messages\/batches\/([^/]+)(?:\/(cancel|results))?$/.exec(where) ?? []
    const job = vendor.jobs.find((job) => job.id === id)
    if (job === undefined) return notFound
    if (asked.method === "POST" && action === "cancel") {
      if (job.state !== "running") {
        return refused(400, "invalid_request_error", `Batch ${job.id} cannot be canceled because it has finished.`)
      }
      job.state = "cancelling"
      return { status: 200, body: batchOf(vendor, job) }
    }
    if (asked.method !== "GET" || action === "cancel") return notFound
    if (action === undefined) return { status: 200, body: batchOf(vendor, job) }
    const lines = reversed(job).map(({ given, index, kind }) =>
      `${JSON.stringify({ custom_id: given.key, result: resultOf(job, kind, vendor.answer(given, index)) })}\n`
    )
    return { status: 200, headers: { "content-type": "application/x-jsonl" }, body: Buffer.from(lines.join("")) }
  }
})

/** A message of Anthropic's. */
export const message = (text: string) => ({
  id: "msg_1",
  type: "message",
  role: "assistant",
  model: "m-2026",
  content: [{ type: "text", text }],
  stop_reason: "end_turn",
  stop_sequence: null,
  usage: { input_tokens: 20, output_tokens: 5, cache_creation_input_tokens: 0, cache_read_input_tokens: 0 }
})

/** A batch of a server that is asked for its results elsewhere, or nowhere. */
export const batchOf = (vendor: Vendor, job: VendorJob) => {
  const ended = job.state !== "running" && job.state !== "cancelling"
  const count = (kind: VendorJob["rows"][number]) => ended ? job.rows.filter((row) => row === kind).length : 0
  const created = job.createdAt.toISOString()
  return {
    id: job.id,
    type: "message_batch",
    processing_status: ended ? "ended" : job.state === "cancelling" ? "canceling" : "in_progress",
    request_counts: {
      processing: ended ? 0 : job.requests.length,
      succeeded: count("answer"),
      errored: count("error"),
      canceled: job.state === "cancelled" ? count("none") : 0,
      expired: job.state === "expired" ? count("none") : 0
    },
    created_at: created,
    expires_at: new Date(job.createdAt.getTime() + 86_400_000).toISOString(),
    ended_at: ended ? created : null,
    archived_at: null,
    cancel_initiated_at: null,
    results_url: ended ? `${vendor.elsewhere ?? vendor.url}${path}/${job.id}/results` : null
  }
}

const refused = (status: number, type: string, said: string): Reply => ({
  status,
  body: { type: "error", error: { type, message: said }, request_id: "req_1" }
})

const create = (asked: Asked, vendor: Vendor & { readonly jobs: Array<VendorJob> }): Reply => {
  if (Number(asked.headers["content-length"]) !== asked.body.length) {
    return refused(400, "invalid_request_error", "the length is not that of the body")
  }
  const { requests } = JSON.parse(asked.body.toString("utf8")) as {
    requests: ReadonlyArray<{ custom_id: string; params: Record<string, unknown> }>
  }
  const keys = requests.map(({ custom_id }) => custom_id)
  if (new Set(keys).size !== keys.length || !keys.every((key) => /^[A-Za-z0-9_-]{1,64}$/.test(key))) {
    return refused(400, "invalid_request_error", "custom_id: not valid, or there twice")
  }
  if (!requests.every(({ params }) => typeof params["max_tokens"] === "number" && params["stream"] === undefined)) {
    return refused(400, "invalid_request_error", "params: not valid")
  }
  const job: VendorJob = {
    id: `msgbatch_${vendor.jobs.length + 1}`,
    label: undefined,
    createdAt: new Date(),
    requests: requests.map(({ custom_id, params }): Given => ({ key: custom_id, body: params })),
    state: "running",
    rows: []
  }
  vendor.jobs.push(job)
  return { status: 200, body: batchOf(vendor, job) }
}

/** Two to a page, the newest first. */
const list = (vendor: Vendor, query: URLSearchParams): Reply => {
  const newest = vendor.jobs.toReversed()
  const after = query.get("after_id")
  const start = after === null ? 0 : newest.findIndex(({ id }) => id === after) + 1
  const page = newest.slice(start, start + 2)
  return {
    status: 200,
    body: {
      data: page.map((job) => batchOf(vendor, job)),
      has_more: start + 2 < newest.length,
      first_id: page[0]?.id ?? null,
      last_id: page.at(-1)?.id ?? null
    }
  }
}

const resultOf = (job: VendorJob, kind: VendorJob["rows"][number], answer: string) => {
  if (kind === "answer") return { type: "succeeded", message: message(answer) }
  if (kind === "none") return { type: job.state === "expired" ? "expired" : "canceled" }
  const error = { type: "invalid_request_error", message: "prompt is too long: 250000 tokens > 200000 maximum" }
  return { type: "errored", error: { type: "error", error, request_id: null } }
}
