import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Http from "node:http"
import type { AddressInfo } from "node:net"
import { Provider, Scripted, Usage } from "open-agent-workflows"
import * as Money from "open-agent-workflows/domain/Money"
import * as ProviderContract from "open-agent-workflows/testing/ProviderContract"
import { suite } from "../contract/ProviderContract.ts"

const key = "sk-canary-6f1d"

// -----------------------------------------------------------------------------
// a provider of one's own, in front of a server on loopback
// -----------------------------------------------------------------------------

const failed = (reason: Provider.ProviderError["reason"], detail: string) =>
  new Provider.ProviderError({ provider: "house", reason, detail })

const house = (url: string): Provider.Provider => ({
  name: "house",
  capabilities: Provider.capabilities({ schema: "prompt", concurrency: 4 }),
  resolveModel: (requested) => requested ?? "house-1",
  estimate: ({ prompt }) => ({ inputTokens: prompt.length * 2, outputTokens: 1_000, cost: () => undefined }),
  ask: ({ model, prompt, schema }) =>
    Effect.tryPromise({
      try: async (signal) => {
        const headers = { authorization: `Bearer ${key}`, "x-schema": String(schema !== undefined) }
        const response = await fetch(url, { method: "POST", body: prompt, headers, signal })
        return { status: response.status, text: await response.text() }
      },
      catch: () => failed("Transport", "the connection broke")
    }).pipe(
      Effect.filterOrFail(
        ({ status, text }) => status === 200 && text !== "",
        ({ status }) => failed(status === 429 ? "RateLimited" : "Unknown", `status ${status}`)
      ),
      Effect.map(({ text }): Provider.Answer => ({
        text,
        structured: undefined,
        raw: text,
        usage: Usage.make({ inputTokens: prompt.length, outputTokens: text.length }),
        cost: undefined,
        model,
        session: undefined
      }))
    )
})

const counts = { sent: 0, underWay: 0 }

/** The provider before a server that answers, refuses, or does nothing. */
const before = (manner: "answers" | "refuses" | "hangs"): ProviderContract.Building =>
  Effect.acquireRelease(
    Effect.async<Http.Server>((resume) => {
      const server = Http.createServer((request, response) => {
        counts.sent += 1
        counts.underWay += 1
        response.on("close", () => void (counts.underWay -= 1))
        request.resume()
        if (manner === "hangs") return
        if (manner === "refuses") return void response.writeHead(429).end(`slow down, ${request.headers.authorization}`)
        response.end(request.headers["x-schema"] === "true" ? "{\"label\":\"bug\",\"why\":\"it is\"}" : "an answer")
      }).listen(0, "127.0.0.1", () => resume(Effect.succeed(server)))
    }),
    (server) =>
      Effect.async<void>((resume) => {
        server.closeAllConnections()
        server.close(() => resume(Effect.void))
      })
  ).pipe(Effect.map((server) => house(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)))

suite("a provider of one's own", before("answers"), {
  hanging: before("hangs"),
  failing: before("refuses"),
  sent: Effect.sync(() => counts.sent),
  underWay: Effect.sync(() => counts.underWay),
  canary: key
})

// -----------------------------------------------------------------------------
// providers that break the contract
// -----------------------------------------------------------------------------

const good = Scripted.make((request) =>
  request.schema === undefined ? Scripted.answer("fine") : Scripted.value({ label: "bug", why: "it is" })
)

const answer: Provider.Answer = {
  text: "fine",
  structured: undefined,
  raw: "fine",
  usage: Usage.make({ inputTokens: 1 }),
  cost: { amount: Money.zero, source: "provider" },
  model: undefined,
  session: undefined
}

type Changes = Partial<Omit<Provider.Provider, "capabilities">> & {
  readonly capabilities?: Partial<Provider.Capabilities>
}

const changed = ({ capabilities, ...changes }: Changes): Provider.Provider => ({
  ...good,
  ...changes,
  capabilities: { ...good.capabilities, ...capabilities }
})

const answering = (changes: Partial<Provider.Answer>, capabilities: Partial<Provider.Capabilities> = {}) =>
  changed({
    capabilities: { schema: "none", ...capabilities },
    estimate: () => ({ inputTokens: 10, outputTokens: 10, cost: () => undefined }),
    ask: () => Effect.succeed({ ...answer, ...changes })
  })

const refusing = (facts: Partial<Provider.ProviderError>) =>
  changed({
    ask: () =>
      Effect.fail(new Provider.ProviderError({ provider: "scripted", reason: "Refused", detail: "no", ...facts }))
  })

const reporting = (...totals: ReadonlyArray<number>) =>
  changed({
    ask: (_, listener) =>
      Effect.as(
        Effect.forEach(totals, (outputTokens) => listener.usage(Usage.make({ outputTokens }))),
        { ...answer, usage: undefined }
      )
  })

/** Names of the cases that find something. */
const violations = (options: ProviderContract.Options) =>
  Effect.map(
    Effect.forEach(ProviderContract.cases(options), ({ check, name }) =>
      Effect.map(Effect.either(check), (kept) => ({ kept, name }))),
    (results) =>
      results.flatMap(({ kept, name }) => kept._tag === "Left" ? [`${name}: ${kept.left.detail}`] : [])
  )

const provider = Effect.succeed(good)

const broken: ReadonlyArray<readonly [what: string, provider: Provider.Provider, found: RegExp]> = [
  ["has a name in capitals", changed({ name: "House" }), /its name is 'House'/],
  ["has no default model", changed({ resolveModel: (model) => model ?? "" }), /no model for calls that name none/],
  ["ignores the model", changed({ resolveModel: () => "mine" }), /does not take the model/],
  ["serves no requests at a time", changed({ capabilities: { concurrency: 0 } }), /serves 0 requests/],
  [
    "has a limit of nothing",
    changed({ capabilities: { limits: { requestsPerMinute: 0, tokensPerMinute: undefined } } }),
    /limits per minute/
  ],
  [
    "holds hands that are not there",
    changed({ capabilities: { readOnly: "enforced", writesFiles: false } }),
    /neither read nor write/
  ],
  ["answers nothing", answering({ text: "" }), /no text/],
  ["counts in fractions", answering({ usage: Usage.make({ inputTokens: 0.5 }) }), /its usage is/],
  ["pays back", answering({ cost: { amount: Money.fromNano(-5), source: "x" } }), /its cost is -5/],
  ["prices without prices", answering({}, { cost: "unknown" }), /nobody knows its prices/],
  [
    "does not fit the schema",
    changed({ ask: () => Effect.succeed({ ...answer, text: "{\"label\":1}" }) }),
    /does not fit/
  ],
  ["answers a schema in prose", changed({ ask: () => Effect.succeed(answer) }), /holds no JSON/],
  [
    "does not hold its bound",
    answering({ usage: Usage.make({ outputTokens: 300 }) }, { boundsOutput: true }),
    /used 300 tokens of 256/
  ],
  [
    "underestimates",
    answering({ usage: Usage.make({ cacheReadTokens: 11 }) }),
    /estimates 10 tokens of input and reports 11/
  ],
  ["goes back", reporting(5, 4), /it reported 5, 4/],
  ["names no session", changed({ capabilities: { sessions: true } }), /names none/],
  ["does not answer", refusing({}), /it did not answer: Refused, no/],
  ["breaks off", changed({ ask: () => Effect.die(new Error("bug")) }), /it broke off: Error: bug/],
  [
    "cannot be stopped",
    changed({ ask: () => Effect.uninterruptible(Effect.as(Effect.sleep("1 seconds"), answer)) }),
    /went on for 200 ms after it was interrupted/
  ],
  ["tells its key", answering({ raw: `{"authorization":"Bearer ${key}"}` }), /a key is in what it answered/]
]

describe("the contract finds", () => {
  it.live("nothing in a provider that keeps it", () =>
    Effect.map(violations({ provider, canary: key }), (found) => assert.deepStrictEqual(found, [])))

  for (const [what, wrong, found] of broken) {
    it.live(`a provider that ${what}`, () =>
      Effect.map(
        violations({ provider: Effect.succeed(wrong), canary: key, patience: "200 millis" }),
        (all) => assert.match(all.join("\n"), found)
      ))
  }

  it.live("a provider that cannot be built", () =>
    Effect.map(
      violations({ provider: Effect.fail("no key") }),
      (all) => assert.match(all[0] ?? "", /it could not be built: "no key"/)
    ))

  it.live("a provider that asks twice", () =>
    Effect.gen(function*() {
      let requests = 0
      const twice = changed({ ask: () => Effect.sync(() => ((requests += 2), answer)) })
      const all = yield* violations({ provider: Effect.succeed(twice), sent: Effect.sync(() => requests) })
      assert.match(all.join("\n"), /it sent 2 requests for one/)
    }))

  it.live("a provider that leaves a request behind, or answers after nothing did", () =>
    Effect.gen(function*() {
      let left = 0
      const leaving = changed({ ask: () => Effect.zipRight(Effect.sync(() => void left++), Effect.never) })
      const forgotten = yield* violations({
        provider,
        hanging: Effect.succeed(leaving),
        underWay: Effect.sync(() => left),
        patience: "200 millis"
      })
      assert.match(forgotten.join("\n"), /\d requests are still being served/)
      const inventing = changed({ ask: () => Effect.succeed(answer) })
      const invented = yield* violations({ provider, hanging: Effect.succeed(inventing) })
      assert.match(invented.join("\n"), /it answered although nothing answered it/)
    }))

  const errors: ReadonlyArray<readonly [what: string, provider: Provider.Provider, found: RegExp]> = [
    ["of another provider", refusing({ provider: "other" }), /its error is of provider 'other'/],
    ["without a detail", refusing({ detail: " " }), /no detail/],
    ["with a wait that is none", refusing({ retryAfterMs: -1 }), /asks to wait -1 ms/],
    ["that is a defect", changed({ ask: () => Effect.die(new TypeError("x")) }), /no ProviderError: TypeError: x/],
    ["that is no error", good, /it answered where every request is refused/],
    ["with a key in its detail", refusing({ detail: `401 for ${key}` }), /a key is in the text of its error/],
    ["with a key in what came back", refusing({ raw: `{"key":"${key}"}` }), /a key is in/],
    [
      "with a key in its cause",
      changed({
        ask: () =>
          Effect.fail(
            Object.assign(refusal(), { cause: { request: { headers: new Headers({ authorization: key }) } } })
          )
      }),
      /a key is in/
    ]
  ]
  for (const [what, failing, found] of errors) {
    it.live(`an error ${what}`, () =>
      Effect.map(
        violations({ provider, failing: Effect.succeed(failing), canary: key }),
        (all) => assert.match(all.join("\n"), found)
      ))
  }
})

const refusal = () => new Provider.ProviderError({ provider: "scripted", reason: "Refused", detail: "no" })
