import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as Http from "node:http"
import type * as Net from "node:net"
import { Readable } from "node:stream"

/** A key that is found wherever it should not be. */
export const key = "sk-batch+Canary/0123456789=abcdef"

/** What a vendor was asked. */
export interface Asked {
  readonly method: string
  /** The path with its query. */
  readonly url: string
  readonly headers: Http.IncomingHttpHeaders
  readonly body: Buffer
}

/** What it answers. A body that is neither text nor bytes is sent as JSON; a function makes a stream of bytes from an offset. */
export interface Reply {
  readonly status: number
  readonly headers?: Http.OutgoingHttpHeaders | undefined
  readonly body: unknown
}

/** Something that goes wrong: an answer instead of the right one, no answer, or an answer that does not arrive. */
export type Fault =
  | Reply
  /** The request is not looked at. */
  | "dropped"
  /** The request is carried out and never answered. */
  | "held"
  /** The request is carried out and its answer lost. */
  | "lost"
  /** Half of the answer's body arrives. */
  | "cut"

/** A request of a job as the vendor got it. */
export interface Given {
  readonly key: string
  /** The body of the single request inside. */
  readonly body: Record<string, unknown>
}

export type Ending = "completed" | "failed" | "expired" | "cancelled"
export type RowKind = "answer" | "error" | "none"

/** A job at a vendor. */
export interface VendorJob {
  readonly id: string
  /** What the creator said it is, where the protocol has a field for that. */
  readonly label: string | undefined
  readonly createdAt: Date
  readonly requests: ReadonlyArray<Given>
  state: "running" | "cancelling" | Ending
  /** What came of each request, once it has ended. */
  rows: ReadonlyArray<RowKind>
}

/** A server that speaks a vendor's protocol, and what a test may do to it. */
export interface Vendor {
  readonly url: string
  readonly jobs: ReadonlyArray<VendorJob>
  readonly asked: ReadonlyArray<Asked>
  /** Says what goes wrong with a request; nothing unless it is set. */
  fault: ((asked: Asked) => Fault | undefined) | undefined
  /** The origin its results are said to be at; its own unless it is set. */
  elsewhere: string | undefined
  /** What it answers to a request of a job. Defaults to `answer of <prompt>`. */
  answer: (given: Given, index: number) => string
  /** Whether it sends a part of a file when it is asked for one. */
  ranges: boolean
  /** Ends a job, its results in another order than its requests. */
  readonly end: (job: VendorJob, ending: Ending, row?: (index: number) => RowKind) => void
}

/** What a protocol adds to a server. */
export interface Protocol {
  readonly route: (asked: Asked, vendor: Vendor & { readonly jobs: Array<VendorJob> }) => Reply
}

/** A vendor on the loopback interface that is closed with the scope. */
export const serve = (protocol: Protocol): Effect.Effect<Vendor, never, Scope.Scope> =>
  Effect.gen(function*() {
    const jobs: Array<VendorJob> = []
    const asked: Array<Asked> = []
    const server = Http.createServer((request, response) => {
      const chunks: Array<Buffer> = []
      request.on("data", (chunk: Buffer) => chunks.push(chunk))
      request.on("error", () => response.destroy())
      request.on("end", () => {
        const { headers, method = "GET", url = "" } = request
        const got = { method, url, headers, body: Buffer.concat(chunks) }
        asked.push(got)
        respond(got, response)
      })
    })
    yield* Effect.acquireRelease(
      Effect.async<void>((resume) => {
        server.listen(0, "127.0.0.1", () => resume(Effect.void))
      }),
      () =>
        Effect.async<void>((resume) => {
          server.closeAllConnections()
          server.close(() => resume(Effect.void))
        })
    )
    const vendor: Vendor & { readonly jobs: Array<VendorJob> } = {
      url: `http://127.0.0.1:${(server.address() as Net.AddressInfo).port}`,
      jobs,
      asked,
      fault: undefined,
      elsewhere: undefined,
      answer: (given) => `answer of ${promptOf(given)}`,
      ranges: true,
      end: (job, ending, row = () => "answer") => {
        job.state = ending
        job.rows = job.requests.map((_, index) => ending === "failed" ? "none" : row(index))
      }
    }
    const respond = (got: Asked, response: Http.ServerResponse): void => {
      const fault = vendor.fault?.(got)
      if (fault === "dropped") return void response.destroy()
      const reply = typeof fault === "object" ? fault : protocol.route(got, vendor)
      if (fault === "lost") return void response.destroy()
      if (fault === "held") return
      send(got, response, reply, vendor.ranges, fault === "cut")
    }
    return vendor
  })

const send = (got: Asked, response: Http.ServerResponse, reply: Reply, ranges: boolean, isCut: boolean): void => {
  const { body, headers = {}, status } = reply
  if (body instanceof Readable) {
    response.writeHead(status, headers)
    body.pipe(response)
    return
  }
  const type = typeof body === "string" || Buffer.isBuffer(body) ? "application/octet-stream" : "application/json"
  const whole = Buffer.isBuffer(body) ? body : Buffer.from(typeof body === "string" ? body : JSON.stringify(body))
  const from = ranges && status === 200 ? Number(/^bytes=(\d+)-$/.exec(got.headers.range ?? "")?.[1] ?? 0) : 0
  if (from > 0 && from >= whole.length) {
    response.writeHead(416, { "content-range": `bytes */${whole.length}` })
    response.end()
    return
  }
  const part = whole.subarray(from)
  response.writeHead(from > 0 ? 206 : status, {
    "content-type": type,
    ...headers,
    "content-length": part.length,
    ...(from > 0 ? { "content-range": `bytes ${from}-${whole.length - 1}/${whole.length}` } : {})
  })
  if (!isCut) return void response.end(part)
  // a connection that stands still for a while before it breaks
  response.write(part.subarray(0, Math.ceil(part.length / 2)), () => setTimeout(() => response.destroy(), 100))
}

/** The text of a request, in the forms of all vendors. */
export const promptOf = ({ body }: Given): string => {
  const { contents, messages } = body as {
    messages?: ReadonlyArray<{ role: string; content: string }>
    contents?: ReadonlyArray<{ parts: ReadonlyArray<{ text: string }> }>
  }
  return messages?.findLast(({ role }) => role === "user")?.content ?? contents?.at(-1)?.parts[0]?.text ?? ""
}

/** Rows of a job that has any, the last request first. */
export const reversed = (job: VendorJob): ReadonlyArray<{ given: Given; index: number; kind: RowKind }> =>
  job.requests
    .map((given, index) => ({ given, index, kind: job.rows[index] ?? "none" }))
    .toReversed()

/** The reply of a server that knows no such address. */
export const notFound: Reply = { status: 404, body: { error: { message: "no such thing", type: "not_found_error" } } }
