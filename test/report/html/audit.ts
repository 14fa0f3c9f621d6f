/**
 * A run like those people have: phases, a child run, cached answers, retries, waits, failures, a stand-in, changed files.
 */
import * as Usage from "open-agent-workflows/domain/Usage"
import type { AttemptReport, CallReport, RunFacts, RunReport, WaitReport } from "open-agent-workflows/report/RunReport"
import { randomFrom } from "../../lib/random.ts"
import { attempt, call, callId, childId, eventsOf, reportOf, run, runId, start, text } from "./samples.ts"

const random = randomFrom(20_261_120)
const between = (from: number, to: number): number => Math.round(from + random() * (to - from))

const packages = [
  "undici",
  "picomatch",
  "better-sqlite3",
  "yaml",
  "marked",
  "ajv",
  "ajv-formats",
  "canonicalize",
  "oxc-transform",
  "preact",
  "dompurify",
  "esbuild",
  "typescript",
  "vitest",
  "fast-check",
  "playwright-core",
  "tstyche",
  "publint",
  "openai",
  "@anthropic-ai/sdk",
  "@google/genai",
  "@effect/sql",
  "@effect/platform",
  "effect"
]

const scanSchema = JSON.stringify({
  type: "object",
  required: ["package", "breaking", "changes"],
  properties: {
    package: { type: "string" },
    breaking: { type: "boolean" },
    changes: { type: "array", items: { type: "string" } }
  }
})

const lanes = Array.from({ length: 8 }, () => 0)

/** When a call of some length begins and ends with eight at a time. */
const slot = (from: number, took: number): number => {
  const lane = lanes.reduce((soonest, until, at) => until < (lanes[soonest] ?? 0) ? at : soonest, 0)
  const at = Math.max(from, lanes[lane] ?? 0)
  lanes[lane] = at + took + 30
  return at
}

const cost = (input: number, output: number, [perInput, perOutput]: readonly [number, number]): number =>
  (input * perInput + output * perOutput) / 1e6

const scans = packages.map((name, index): CallReport => {
  const cached = index % 3 === 1
  const took = cached ? 3 : between(3200, 9800)
  const at = cached ? 120 + index * 9 : slot(100, took)
  const usage = Usage.make({
    inputTokens: between(2600, 6100),
    outputTokens: between(180, 520),
    cacheReadTokens: between(0, 2) * 1024
  })
  return call(index, {
    at: cached ? at : 100 + index * 4,
    took: cached ? took : at + took - 100 - index * 4,
    label: name,
    phase: "scan",
    prompt: text(`Read the changelog of ${name} since 2026-08-01. Say what changed and whether anything breaks us.`),
    schema: text(scanSchema),
    outputText: null,
    outputJson: text(
      JSON.stringify({ package: name, breaking: index % 7 === 2, changes: ["faster start", "two fixes"] })
    ),
    usage: cached ? Usage.zero : usage,
    attempts: cached
      ? []
      : [attempt(1, { at, took, usage, costUsd: cost(usage.inputTokens, usage.outputTokens, [1, 5]) })],
    costUsd: cached ? 0 : cost(usage.inputTokens, usage.outputTokens, [1, 5]),
    ...cached
      ? {
        cacheStatus: "hit",
        sourceCallId: callId(index, "20261113-090002-9x1c2v3b4n5m" as typeof runId),
        explanation: {
          reason: "answered from 20261113-090002-9x1c2v3b4n5m, which asked the same thing",
          differs: [],
          nearest: callId(index, "20261113-090002-9x1c2v3b4n5m" as typeof runId)
        }
      }
      : {
        explanation: {
          reason: "the nearest earlier call asked something else",
          differs: ["prompt", "files"],
          nearest: callId(index, "20261113-090002-9x1c2v3b4n5m" as typeof runId)
        }
      }
  })
})

const verdict = `## Verdict: upgrade, with one change

The new major removes \`Dispatcher1Wrapper\` and makes **bodies strict**: a request whose \`content-length\` does not
match what is sent fails with \`UND_ERR_REQ_CONTENT_LENGTH_MISMATCH\` instead of being padded.

| what changed | do we use it | risk |
| --- | --- | --- |
| \`Dispatcher1Wrapper\` removed | no | none |
| strict \`content-length\` | in \`HttpClientNode\` | low |
| \`allowH2\` on by default | yes | **medium** |

1. Pin \`allowH2: false\` until the proxy in front of the build hosts speaks HTTP/2.
2. Keep the retry of idempotent requests: it moved from the agent to an interceptor.

\`\`\`ts
const agent = new Agent({ allowH2: false }).compose(interceptors.retry({ maxRetries: 2 }))
\`\`\`

See the [release notes](https://github.com/nodejs/undici/releases) for the rest.`

const rateLimit = "429 rate_limit_error: this request would exceed the limit of 400,000 input tokens per minute"

const wait = (index: number, from: number, took: number, reason: string): WaitReport => ({
  runId,
  callId: callId(index),
  from: start + from,
  endedAt: start + from + took,
  until: start + from + took,
  reason
})

const reviewed = [
  "undici",
  "marked",
  "better-sqlite3",
  "ajv",
  "typescript",
  "vitest",
  "openai",
  "@google/genai",
  "effect",
  "esbuild",
  "preact",
  "yaml"
]

/** How the reviews ended that did not end well. */
const endings: Readonly<
  Record<string, (failed: AttemptReport, answered: AttemptReport) => Partial<CallReport>>
> = {
  openai: () => ({
    status: "schema_failed",
    outputText: text(`{"risk": "meduim", "blocking": "no", "notes": ["the stream helper moved"]}`),
    schema: text(
      JSON.stringify({
        type: "object",
        properties: { risk: { enum: ["low", "medium", "high"] }, blocking: { type: "boolean" } }
      })
    ),
    errorKind: "SchemaError",
    error: "the answer does not fit its schema after 2 requests",
    validationErrors: [
      { path: "risk", message: "must be one of low, medium, high" },
      { path: "blocking", message: "must be a boolean, is a string" }
    ]
  }),
  vitest: (failed, answered) => ({
    status: "timeout",
    outputText: null,
    errorKind: "Timeout",
    error: "no answer within 45 s",
    attempts: [failed, { ...answered, status: "lost", usage: Usage.zero, costUsd: null, costSource: null }],
    usage: Usage.zero,
    costUsd: null
  })
}

lanes.fill(27_000)
const reviews = reviewed.map((name, at): CallReport => {
  const index = 24 + at
  const took = between(16_000, 46_000)
  const retried = at === 3 || at === 5 || at === 8 || at === 0
  const pause = retried ? between(9000, 16_000) : 0
  const first = between(2500, 7000)
  const begin = slot(27_000, took + pause + (retried ? first : 0))
  const usage = Usage.make({
    inputTokens: between(18_000, 64_000),
    outputTokens: between(900, 2600),
    cacheReadTokens: 12_288
  })
  const price = cost(usage.inputTokens, usage.outputTokens, [3, 15])
  const answered = attempt(retried ? 2 : 1, {
    at: begin + (retried ? first + pause : 0),
    took,
    usage,
    model: "claude-sonnet-4-6",
    sessionId: `sess_01H${index}K9Q`,
    costUsd: price,
    reservedTokens: 120_000,
    reservedCostUsd: 0.41
  })
  const failed = attempt(1, {
    at: begin,
    took: first,
    status: "failed",
    usage: Usage.zero,
    costUsd: 0,
    model: "claude-sonnet-4-6",
    errorKind: "RateLimited",
    error: rateLimit
  })
  const end = begin + (retried ? first + pause : 0) + took
  const base = call(index, {
    at: 27_000 + at * 3,
    took: end - 27_000 - at * 3,
    label: `${name}: judge the risk`,
    phase: "review",
    model: "claude-sonnet-4-6",
    system: text("You review upgrades for a team that ships every day. Be concrete. Name the file that would break."),
    prompt: text(
      `These are the changes of ${name} and the places where we use it. Judge the risk of the upgrade.\n\nUses:\n- src/node/HttpClientNode.ts:41\n- src/provider/HttpExchange.ts:12, 88, 140\n\nAnswer with a verdict, a table, and what to change first.`
    ),
    outputText: text(verdict.replaceAll("undici", name)),
    attempts: retried ? [failed, answered] : [answered],
    waits: retried ? [wait(index, begin + first, pause, "rate limited; asked again after Retry-After")] : [],
    explanation: {
      reason: "no earlier call asked this; the nearest one differs",
      differs: ["prompt", "model", "files"],
      nearest: callId(index - 1)
    }
  })
  const ending = endings[name]
  return ending === undefined ? base : Object.assign(base, ending(failed, answered))
})

const patch = `diff --git a/src/node/HttpClientNode.ts b/src/node/HttpClientNode.ts
index 5c1d9aa..b7e2f10 100644
--- a/src/node/HttpClientNode.ts
+++ b/src/node/HttpClientNode.ts
@@ -36,13 +36,14 @@ export const layer = Layer.scoped(
   Effect.gen(function*() {
     const settings = yield* Settings.Settings
     const agent = yield* Effect.acquireRelease(
-      Effect.sync(() => new Agent({ connections: 64, pipelining: 1 })),
+      Effect.sync(() => new Agent({ connections: 64, pipelining: 1, allowH2: false })),
       (agent) => Effect.promise(() => agent.close())
     )
     return HttpClient.make((request, url, signal) =>
       Effect.tryPromise({
-        try: () => agent.request({ ...optionsOf(request), origin: url.origin, signal }),
-        catch: (cause) => failureOf(request, cause)
+        try: () => agent.request({ ...optionsOf(request), origin: url.origin, signal, throwOnError: false }),
+        catch: (cause) => failureOf(request, cause),
       })
     )
   })
 )
@@ -88,6 +89,11 @@ const failureOf = (request: HttpClientRequest, cause: unknown): HttpClientError =>
   new RequestError({ request, reason: "Transport", cause })
 
+/** A body that is not as long as it says is refused since version 8, so its length is counted here. */
+const lengthOf = (body: Uint8Array | undefined): number => body === undefined ? 0 : body.byteLength
+
 const optionsOf = (request: HttpClientRequest) => ({
   method: request.method,
+  headers: { ...request.headers, "content-length": lengthOf(bodyOf(request)) },
   path: request.url
 })
diff --git a/test/node/HttpClientNode.test.ts b/test/node/HttpClientNode.test.ts
new file mode 100644
index 0000000..21c7a53
--- /dev/null
+++ b/test/node/HttpClientNode.test.ts
@@ -0,0 +1,9 @@
+import { assert, it } from "@effect/vitest"
+import * as Effect from "effect/Effect"
+import { echo } from "../lib/echo.ts"
+
+it.scoped("sends as many bytes as it says", () =>
+  Effect.gen(function*() {
+    const seen = yield* echo({ body: "grüße" })
+    assert.strictEqual(seen.headers["content-length"], "7")
+  }))
diff --git a/docs/old-proxy.md b/docs/proxy.md
similarity index 91%
rename from docs/old-proxy.md
rename to docs/proxy.md
index 0c1e4d2..7f90b3b 100644
--- a/docs/old-proxy.md
+++ b/docs/proxy.md
@@ -1,3 +1,3 @@
 # Proxies
 
-The client speaks HTTP/2 where the server offers it.
+The client speaks HTTP/1.1. HTTP/2 is off until the proxy of the build hosts speaks it.
`

lanes.fill(124_000)
const fixes = ["undici", "marked", "yaml", "picomatch"].map((name, at): CallReport => {
  const index = 36 + at
  const took = between(58_000, 118_000)
  const usage = Usage.make({
    inputTokens: between(60_000, 180_000),
    outputTokens: between(5000, 14_000),
    cacheReadTokens: between(200, 600) * 1000
  })
  const begin = 125_000 + at * 40
  return call(index, {
    at: 124_600 + at * 40,
    took: took + 400,
    label: `upgrade ${name}`,
    phase: "fix",
    provider: "codex",
    model: "gpt-5.2-codex",
    isolation: "worktree",
    cacheStatus: "bypassed",
    prompt: text(
      `Upgrade ${name} in this repository. Follow the verdict. Keep the tests green. Leave everything else alone.`
    ),
    outputText: text(
      `Upgraded **${name}**. HTTP/2 stays off, lengths are counted, and a test shows it.\n\n- \`npm test\`: 1,204 passed\n- \`npm run check\`: clean`
    ),
    attempts: [
      attempt(1, {
        at: begin,
        took,
        usage,
        model: "gpt-5.2-codex",
        costUsd: cost(usage.inputTokens, usage.outputTokens, [1.25, 10]),
        sessionId: `019a9f${at}-7c1e-4b52`
      })
    ],
    explanation: { reason: "a call that changes files is never answered from the cache", differs: [], nearest: null },
    worktree: {
      path: `/home/ada/shop/.workflows/runs/${runId}/calls/${callId(index)}/worktree`,
      branch: `owf/${runId}/${callId(index)}`,
      base: "8f3c1e97ab20d4c6e5512d0f7b9a3346c1de8842",
      head: "c04d7e11b2a96f0e3d5c8b7a6f5e4d3c2b1a0998"
    },
    changes: [
      { kind: "modified", path: "src/node/HttpClientNode.ts", from: null },
      { kind: "added", path: "test/node/HttpClientNode.test.ts", from: null },
      { kind: "renamed", path: "docs/proxy.md", from: "docs/old-proxy.md" }
    ],
    patch: text(patch)
  })
})

const notes = ["fixed", "changed", "security"].map((section, index): CallReport =>
  call(index, {
    runId: childId,
    at: 246_000 + index * 20,
    took: 9100 + index * 4100,
    attempts: [attempt(1, { at: 246_100 + index * 20, took: 9000 + index * 4080 })],
    label: `changelog: ${section}`,
    phase: "write",
    prompt: text(`Write the section “${section}” of the changelog.`)
  })
)

const last: ReadonlyArray<CallReport> = [
  call(40, {
    at: 268_000,
    took: 82_000,
    label: "synthesis",
    phase: "summarise",
    model: "claude-opus-4-6",
    status: "degraded",
    degradedReason: "no answer after 3 requests (overloaded); the declared default stands in: a list without a text",
    outputText: null,
    outputJson: text(JSON.stringify({ upgraded: 4, held: 1, text: null })),
    attempts: [0, 1, 2].map((at) =>
      attempt(at + 1, {
        at: 268_100 + at * 30_000,
        took: 5200 + at * 3300,
        status: "failed",
        usage: Usage.zero,
        costUsd: 0,
        model: "claude-opus-4-6",
        errorKind: "Overloaded",
        error: "529 overloaded_error: Overloaded"
      })
    ),
    waits: [0, 1].map((at) => wait(40, 273_300 + at * 33_300, 24_800 - at * 3300, "overloaded; asked again")),
    recovery: {
      retries: 2,
      retryWaitMs: 46_300,
      resets: 0,
      resetWaitMs: 0,
      corrections: 0,
      compactions: 0,
      reframings: 0,
      steps: [
        { at: start + 273_300, message: "retry 1 of 2 in 24.8 s: overloaded" },
        { at: start + 306_600, message: "retry 2 of 2 in 21.5 s: overloaded" },
        { at: start + 349_900, message: "gave up; the declared value stands in" }
      ]
    }
  })
]

const child: RunFacts = {
  ...run,
  id: childId,
  parentRunId: runId,
  depth: 1,
  workflow: "changelog",
  description: null,
  status: "done",
  attempt: 1,
  createdAt: start + 246_000,
  startedAt: start + 246_000,
  completedAt: start + 266_500
}

const calls = [...scans, ...reviews, ...fixes, ...last, ...notes]

/** The report of that run. */
export const audit: RunReport = reportOf(calls, {
  runs: [run, child],
  events: eventsOf(calls),
  warnings: [
    { callId: callId(40), message: "a declared value stands in for the answer" },
    { callId: callId(29), message: "the outcome of request 2 is not known; it may have been paid for" }
  ],
  approvals: [{
    runId,
    name: "apply",
    question: "Apply four upgrades to main?",
    askedAt: start + 244_000,
    decision: "approved",
    message: "go on, the proxy note is fine",
    decidedAt: start + 245_500
  }]
})
