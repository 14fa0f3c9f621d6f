import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Runtime from "effect/Runtime"
import * as Crypto from "node:crypto"
import * as Http from "node:http"
import * as Https from "node:https"
import * as Net from "node:net"

/** What a server got. */
export interface Received {
  readonly url: string
  readonly headers: Http.IncomingHttpHeaders
  readonly body: string
}

/** A server on the loopback interface that is closed with the scope. */
export interface Server {
  readonly url: string
  readonly received: ReadonlyArray<Received>
  /** Done when a client went away before its answer was complete. */
  readonly abandoned: Effect.Effect<void>
}

/** Answers the n-th request, from 0. */
export type Handler = (response: Http.ServerResponse, index: number, request: Received) => void

export const serve = (handler: Handler, host = "127.0.0.1") =>
  listening(handler, (listener) => Http.createServer(listener), "http", host)

/** The same over TLS, with a certificate that only the server itself vouches for. */
export const serveTls = (handler: Handler) =>
  listening(handler, (listener) => Https.createServer(selfSigned(), listener), "https")

/** A server that answers whatever it gets with the same bytes, and what it got. */
export const serveRaw = (answer: string) =>
  Effect.gen(function*() {
    const chunks: Array<Buffer> = []
    const sockets = new Set<Net.Socket>()
    const server = Net.createServer((socket) => {
      sockets.add(socket)
      socket.on("error", () => {})
      socket.on("data", (chunk: Buffer) => {
        chunks.push(chunk)
        socket.end(answer)
      })
    })
    yield* Effect.acquireRelease(
      Effect.async<void>((resume) => {
        server.listen(0, "127.0.0.1", () => resume(Effect.void))
      }),
      () =>
        Effect.async<void>((resume) => {
          for (const socket of sockets) socket.destroy()
          server.close(() => resume(Effect.void))
        })
    )
    const url = `http://127.0.0.1:${(server.address() as Net.AddressInfo).port}`
    return { url, received: () => Buffer.concat(chunks).toString("latin1") }
  })

const listening = (
  handler: Handler,
  create: (listener: Http.RequestListener) => Http.Server | Https.Server,
  protocol: string,
  host = "127.0.0.1"
) =>
  Effect.gen(function*() {
    const received: Array<Received> = []
    const abandoned = yield* Deferred.make<void>()
    const run = Runtime.runSync(yield* Effect.runtime())
    const server = create((request, response) => {
      const chunks: Array<Buffer> = []
      request.on("data", (chunk: Buffer) => chunks.push(chunk))
      response.on("close", () => {
        if (!response.writableFinished) run(Deferred.succeed(abandoned, undefined))
      })
      request.on("end", () => {
        const got = { url: request.url ?? "", headers: request.headers, body: Buffer.concat(chunks).toString("utf8") }
        received.push(got)
        handler(response, received.length - 1, got)
      })
    })
    yield* Effect.acquireRelease(
      Effect.async<void>((resume) => {
        server.listen(0, host, () => resume(Effect.void))
      }),
      () =>
        Effect.async<void>((resume) => {
          server.closeAllConnections()
          server.close(() => resume(Effect.void))
        })
    )
    const url = `${protocol}://${host.includes(":") ? `[${host}]` : host}:${(server.address() as Net.AddressInfo).port}`
    return { url, received, abandoned: Deferred.await(abandoned) } satisfies Server as Server
  })

/** Answers with a status, headers and a body that is sent as JSON unless it is a text already. */
export const reply = (status: number, body: unknown, headers: Http.OutgoingHttpHeaders = {}): Handler => (response) => {
  response.writeHead(status, { "content-type": "application/json", ...headers })
  response.end(typeof body === "string" || Buffer.isBuffer(body) ? body : JSON.stringify(body))
}

/** Body of a plain answer. */
export const completion = (content: unknown, more: Record<string, unknown> = {}) => ({
  id: "chatcmpl-1",
  object: "chat.completion",
  model: "m-2026",
  choices: [{ index: 0, message: { role: "assistant", content }, finish_reason: "stop" }],
  usage: { prompt_tokens: 20, completion_tokens: 5, total_tokens: 25 },
  ...more
})

/** An event as it is sent: a text as it is, anything else as JSON. */
const written = (event: unknown): string => `data: ${typeof event === "string" ? event : JSON.stringify(event)}\n\n`

/** Answers with a stream of events and closes it; a Buffer is sent as it is. */
export const stream =
  (events: ReadonlyArray<unknown>, headers: Http.OutgoingHttpHeaders = {}): Handler => (response) => {
    response.writeHead(200, { "content-type": "text/event-stream", ...headers })
    for (const event of events) response.write(Buffer.isBuffer(event) ? event : written(event))
    response.end()
  }

/** A piece of a streamed answer. */
export const chunk = (delta: Record<string, unknown>, finish_reason: string | null = null) => ({
  id: "chatcmpl-1",
  object: "chat.completion.chunk",
  model: "m-2026",
  choices: [{ index: 0, delta, finish_reason }]
})

/** The counts at the end of a stream. */
export const counts = {
  id: "chatcmpl-1",
  object: "chat.completion.chunk",
  model: "m-2026",
  choices: [],
  usage: { prompt_tokens: 20, completion_tokens: 5, total_tokens: 25 }
}

/** The events of a whole answer, its text in pieces of some characters. */
export const pieces = (content: string, size = 3): ReadonlyArray<unknown> => [
  chunk({ role: "assistant", content: "" }),
  ...Array.from(
    { length: Math.ceil(content.length / size) },
    (_, index) => chunk({ content: content.slice(index * size, (index + 1) * size) })
  ),
  chunk({}, "stop"),
  counts,
  "[DONE]"
]

/** A value of a certificate: its tag, its length and what it holds. */
const der = (tag: number, ...parts: ReadonlyArray<Buffer>): Buffer => {
  const content = Buffer.concat(parts)
  const length = content.length < 128
    ? [content.length]
    : [0x82, content.length >> 8, content.length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...length]), content])
}

/** A certificate for this one run, so that no key lies among the files. */
const selfSigned = (): { readonly key: string; readonly cert: string } => {
  const { privateKey, publicKey } = Crypto.generateKeyPairSync("ec", { namedCurve: "P-256" })
  const ecdsaWithSha256 = der(0x30, Buffer.from("06082a8648ce3d040302", "hex"))
  const name = der(
    0x30,
    der(0x31, der(0x30, Buffer.from("0603550403", "hex"), der(0x0c, Buffer.from("loopback"))))
  )
  const time = (text: string) => der(0x17, Buffer.from(text))
  const body = der(
    0x30,
    der(0x02, Buffer.of(1)),
    ecdsaWithSha256,
    name,
    der(0x30, time("250101000000Z"), time("491231235959Z")),
    name,
    publicKey.export({ type: "spki", format: "der" })
  )
  const signature = Crypto.sign("sha256", body, privateKey)
  const certificate = der(0x30, body, ecdsaWithSha256, der(0x03, Buffer.of(0), signature))
  return {
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${certificate.toString("base64")}\n-----END CERTIFICATE-----\n`
  }
}
