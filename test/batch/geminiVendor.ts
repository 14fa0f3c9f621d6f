import type { Asked, Given, Protocol, Reply, Vendor, VendorJob } from "./vendor.ts"
import { key, notFound, reversed } from "./vendor.ts"

/** What a server of Gemini's batches does otherwise than most. */
export interface Options {
  /** Whether the results are inside of the operation instead of in a file. */
  readonly isInline?: boolean
  /** How long uploaded files are kept. */
  readonly keptMillis?: number
}

/** A server that speaks Gemini's protocol of files and batches. */
export const gemini = ({ isInline = false, keptMillis = 172_800_000 }: Options = {}): Protocol => {
  const files = new Map<string, { readonly text: string; readonly expires: number }>()
  const uploads = new Map<string, number>()
  const begin = (asked: Asked, vendor: Vendor): Reply => {
    const { headers } = asked
    if (headers["x-goog-upload-command"] !== "start" || headers["x-goog-upload-protocol"] !== "resumable") {
      return refused(400, "INVALID_ARGUMENT", "the upload is not valid")
    }
    const id = `u${uploads.size + 1}`
    uploads.set(id, Number(headers["x-goog-upload-header-content-length"]))
    const address = `${vendor.elsewhere ?? vendor.url}/upload/v1beta/files?upload_id=${id}&upload_protocol=resumable`
    return { status: 200, headers: { "x-goog-upload-url": address, "x-goog-upload-status": "active" }, body: "" }
  }
  const upload = (asked: Asked, id: string): Reply => {
    const { body, headers } = asked
    if (
      uploads.get(id) !== body.length || Number(headers["content-length"]) !== body.length ||
      headers["x-goog-upload-command"] !== "upload, finalize" || headers["x-goog-upload-offset"] !== "0"
    ) {
      return refused(400, "INVALID_ARGUMENT", "the upload is not valid")
    }
    const expires = Date.now() + keptMillis
    const name = `files/f${files.size + 1}`
    files.set(name, { text: body.toString("utf8"), expires })
    const file = { name, mimeType: "application/jsonl", sizeBytes: String(body.length), state: "ACTIVE" }
    return {
      status: 200,
      headers: { "x-goog-upload-status": "final" },
      body: { file: { ...file, expirationTime: new Date(expires).toISOString() } }
    }
  }
  const create = (asked: Asked, vendor: Vendor & { readonly jobs: Array<VendorJob> }): Reply => {
    const { batch } = JSON.parse(asked.body.toString("utf8")) as {
      batch: { displayName: string; inputConfig: { fileName: string } }
    }
    const input = files.get(batch.inputConfig.fileName)
    if (input === undefined || input.expires <= Date.now()) {
      return refused(403, "PERMISSION_DENIED", "You do not have permission to access the file, or it may not exist.")
    }
    const job: VendorJob = {
      id: `batches/b${vendor.jobs.length + 1}`,
      label: batch.displayName,
      createdAt: new Date(),
      requests: input.text.trimEnd().split("\n").map((line): Given => {
        const { key, request } = JSON.parse(line) as { key: string; request: Record<string, unknown> }
        return { key, body: request }
      }),
      state: "running",
      rows: []
    }
    vendor.jobs.push(job)
    return { status: 200, body: operationOf(vendor, job, isInline) }
  }
  return {
    route: (asked, vendor) => {
      const url = new URL(asked.url, vendor.url)
      const where = `${asked.method} ${url.pathname}`
      if (asked.headers["x-goog-api-key"] !== key) return refused(401, "UNAUTHENTICATED", "no key")
      const id = url.searchParams.get("upload_id")
      if (where === "POST /upload/v1beta/files") return id === null ? begin(asked, vendor) : upload(asked, id)
      if (where === "POST /v1beta/models/m:batchGenerateContent") return create(asked, vendor)
      if (where === "GET /v1beta/batches") return list(vendor, url.searchParams, isInline)
      const [, file] = /^GET (?:\/download)?\/v1beta\/files\/(.+)-output:download$/.exec(where) ?? []
      const ended = vendor.jobs.find((job) => job.id === `batches/${file}`)
      if (ended !== undefined && url.searchParams.get("alt") === "media") {
        const lines = results(vendor, ended).map(({ key, row }) => `${JSON.stringify({ key, ...row })}\n`)
        return { status: 200, body: Buffer.from(lines.join("")) }
      }
      const [, name, cancels] = /^\w+ \/v1beta\/(batches\/[^/:]+)(:cancel)?$/.exec(where) ?? []
      const job = vendor.jobs.find((job) => job.id === name)
      if (job === undefined) return refused(404, "NOT_FOUND", "Requested entity was not found.")
      if (asked.method === "GET") return { status: 200, body: operationOf(vendor, job, isInline) }
      if (cancels === undefined) return notFound
      if (job.state !== "running") {
        return refused(400, "FAILED_PRECONDITION", "The batch is not in a state in which it can be cancelled.")
      }
      job.state = "cancelling"
      return { status: 200, body: {} }
    }
  }
}

/** An answer of Gemini's. */
export const answerOf = (text: string) => ({
  candidates: [{ index: 0, content: { role: "model", parts: [{ text }] }, finishReason: "STOP" }],
  usageMetadata: { promptTokenCount: 20, candidatesTokenCount: 5, totalTokenCount: 25 },
  modelVersion: "m-2026"
})

/** An error in the form of Google's APIs. */
export const refused = (code: number, status: string, message: string): Reply => ({
  status: code,
  body: { error: { code, message, status } }
})

interface Result {
  readonly key: string
  readonly row: Record<string, unknown>
}

const results = (vendor: Vendor, job: VendorJob): ReadonlyArray<Result> =>
  reversed(job).flatMap(({ given, index, kind }): ReadonlyArray<Result> => {
    if (kind === "answer") return [{ key: given.key, row: { response: answerOf(vendor.answer(given, index)) } }]
    const code = kind === "error" ? 3 : 1
    const message = kind === "error"
      ? "The input token count (2000000) exceeds the maximum number of tokens allowed; it is too long."
      : "The request was cancelled."
    // an expired batch says nothing of what it did not get to
    return kind === "none" && job.state === "expired" ? [] : [{ key: given.key, row: { error: { code, message } } }]
  })

/** Whole numbers are text, and zeros are left out, as in all of Google's JSON. */
const operationOf = (vendor: Vendor, job: VendorJob, isInline: boolean) => {
  const ended = job.state !== "running" && job.state !== "cancelling"
  const counted = (name: string, kind: VendorJob["rows"][number]) => {
    const count = job.rows.filter((row) => row === kind).length
    return count === 0 ? {} : { [name]: String(count) }
  }
  const inlined = () => results(vendor, job).map(({ key, row }) => Object.assign(row, { metadata: { key } }))
  const hasResults = ended && job.rows.some((row) => row !== "none")
  const output = isInline
    ? { inlinedResponses: { inlinedResponses: inlined() } }
    : { responsesFile: `files/${job.id.replace("batches/", "")}-output` }
  const states = { running: "RUNNING", cancelling: "RUNNING", completed: "SUCCEEDED" } as const
  const state = job.state === "running" || job.state === "cancelling" || job.state === "completed"
    ? states[job.state]
    : job.state.toUpperCase()
  return {
    name: job.id,
    metadata: {
      "@type": "type.googleapis.com/google.ai.generativelanguage.v1main.GenerateContentBatch",
      model: "models/m",
      displayName: job.label,
      createTime: job.createdAt.toISOString(),
      state: `BATCH_STATE_${state}`,
      batchStats: {
        requestCount: String(job.requests.length),
        ...counted("successfulRequestCount", "answer"),
        ...counted("failedRequestCount", "error"),
        ...(ended ? {} : { pendingRequestCount: String(job.requests.length) })
      },
      ...(hasResults ? { output } : {})
    },
    ...(ended ? { done: true } : {}),
    ...(hasResults ? { response: output } : {}),
    ...(job.state === "failed" ? { error: { code: 3, message: "Line 2 of the input file is not valid." } } : {})
  }
}

/** Two to a page, the oldest first. */
const list = (vendor: Vendor, query: URLSearchParams, isInline: boolean): Reply => {
  const start = Number(query.get("pageToken") ?? 0)
  const operations = vendor.jobs.slice(start, start + 2).map((job) => operationOf(vendor, job, isInline))
  return {
    status: 200,
    body: start + 2 < vendor.jobs.length ? { operations, nextPageToken: String(start + 2) } : { operations }
  }
}
