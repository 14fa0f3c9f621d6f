import type { Asked, Protocol, Reply, VendorJob } from "./vendor.ts"
import { notFound, reversed } from "./vendor.ts"

/** A server that speaks OpenAI's protocol of files and batches. */
export const openAi = (): Protocol => {
  const files = new Map<string, string>()
  const inputs = new Map<VendorJob, string>()
  const batchOf = (job: VendorJob) => ({
    id: job.id,
    object: "batch",
    endpoint: "/v1/chat/completions",
    completion_window: "24h",
    input_file_id: inputs.get(job),
    status: job.state === "running" ? "in_progress" : job.state,
    created_at: Math.floor(job.createdAt.getTime() / 1_000),
    metadata: { owf_job: job.label },
    request_counts: {
      total: job.requests.length,
      completed: job.rows.filter((row) => row === "answer").length,
      failed: job.rows.filter((row) => row === "error").length
    },
    output_file_id: job.rows.includes("answer") ? `${job.id}-output` : null,
    error_file_id: job.state !== "failed" && job.rows.some((row) => row !== "answer") ? `${job.id}-errors` : null,
    errors: job.state === "failed"
      ? {
        object: "list",
        data: [{ code: "invalid_json_line", line: 2, message: "This line is not valid.", param: null }]
      }
      : null
  })
  return {
    route: (asked, vendor) => {
      const [path = "", query = ""] = asked.url.split("?")
      if (asked.headers.authorization === undefined) return { status: 401, body: { error: { message: "no key" } } }
      if (asked.method === "POST" && path === "/v1/files") return upload(asked, files)
      if (asked.method === "POST" && path === "/v1/batches") {
        const wanted = JSON.parse(asked.body.toString("utf8")) as {
          input_file_id: string
          metadata: { owf_job: string }
        }
        const input = files.get(wanted.input_file_id)
        if (input === undefined) return notFound
        const job: VendorJob = {
          id: `batch_${vendor.jobs.length + 1}`,
          label: wanted.metadata.owf_job,
          createdAt: new Date(),
          requests: input.trimEnd().split("\n").map((line) => {
            const { body, custom_id } = JSON.parse(line) as { custom_id: string; body: Record<string, unknown> }
            return { key: custom_id, body }
          }),
          state: "running",
          rows: []
        }
        inputs.set(job, wanted.input_file_id)
        vendor.jobs.push(job)
        return { status: 200, body: batchOf(job) }
      }
      if (asked.method === "GET" && path === "/v1/batches") {
        return list(vendor.jobs, new URLSearchParams(query), batchOf)
      }
      const [, id, action] = /^\/v1\/batches\/([^/]+)(?:\/(cancel))?$/.exec(path) ?? []
      const job = vendor.jobs.find((job) => job.id === id)
      if (job !== undefined && asked.method === "POST" && action === "cancel") {
        if (job.state !== "running") {
          return { status: 409, body: { error: { message: `Cannot cancel a batch with status '${job.state}'.` } } }
        }
        job.state = "cancelling"
        return { status: 200, body: batchOf(job) }
      }
      if (job !== undefined && asked.method === "GET") return { status: 200, body: batchOf(job) }
      const [, owner, kind] = /^\/v1\/files\/(.+)-(output|errors)\/content$/.exec(path) ?? []
      const ended = vendor.jobs.find((job) => job.id === owner)
      if (ended === undefined) return notFound
      const rows = reversed(ended).filter((row) => (row.kind === "answer") === (kind === "output"))
      const lines = rows.map(({ given, index, kind }) =>
        `${
          JSON.stringify({
            id: `batch_req_${index}`,
            custom_id: given.key,
            ...resultOf(ended, kind, vendor.answer(given, index))
          })
        }\n`
      )
      return { status: 200, body: Buffer.from(lines.join("")) }
    }
  }
}

const upload = (asked: Asked, files: Map<string, string>): Reply => {
  const boundary = /boundary=(.+)$/.exec(asked.headers["content-type"] ?? "")?.[1]
  const parts = asked.body.toString("utf8").split(`--${boundary}`)
  const part = (name: string) =>
    parts.find((part) => part.includes(`name="${name}"`))?.split("\r\n\r\n").slice(1).join("\r\n\r\n").slice(0, -2)
  const file = part("file")
  if (
    Number(asked.headers["content-length"]) !== asked.body.length || part("purpose") !== "batch" || file === undefined
  ) {
    return { status: 400, body: { error: { message: "the form is not valid", type: "invalid_request_error" } } }
  }
  const id = `file-${files.size + 1}`
  files.set(id, file)
  return { status: 200, body: { id, object: "file", purpose: "batch", bytes: file.length } }
}

/** Two to a page, the newest first. */
const list = (jobs: ReadonlyArray<VendorJob>, query: URLSearchParams, batchOf: (job: VendorJob) => unknown): Reply => {
  const newest = jobs.toReversed()
  const after = query.get("after")
  const start = after === null ? 0 : newest.findIndex(({ id }) => id === after) + 1
  const page = newest.slice(start, start + 2)
  return {
    status: 200,
    body: {
      object: "list",
      data: page.map(batchOf),
      has_more: start + 2 < newest.length,
      last_id: page.at(-1)?.id ?? null
    }
  }
}

const resultOf = (job: VendorJob, kind: "answer" | "error" | "none", answer: string) => {
  if (kind === "answer") {
    return { response: { status_code: 200, request_id: "r", body: completion(answer) }, error: null }
  }
  if (kind === "error") {
    const error = { message: "The prompt is too long.", type: "invalid_request_error", code: "context_length_exceeded" }
    return { response: { status_code: 400, request_id: "r", body: { error } }, error: null }
  }
  return { response: null, error: { code: `batch_${job.state}`, message: "This request could not be executed." } }
}

const completion = (content: string) => ({
  id: "chatcmpl-1",
  object: "chat.completion",
  model: "m-2026",
  choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }],
  usage: { prompt_tokens: 20, completion_tokens: 5, total_tokens: 25 }
})
