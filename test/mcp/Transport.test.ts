import { assert, describe, it } from "@effect/vitest"
import type { JSONRPCMessage } from "@modelcontextprotocol/server"
import * as FastCheck from "effect/FastCheck"
import * as Transport from "../../src/mcp/Transport.ts"

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

interface Heard {
  readonly transport: Transport.Lines
  readonly messages: Array<JSONRPCMessage>
  readonly refusals: Array<{ readonly id: unknown; readonly error: { readonly code: number } }>
  readonly held: Array<"pause" | "resume">
}

const listen = (): Heard => {
  const heard = { messages: [] as Array<JSONRPCMessage>, refusals: [] as Heard["refusals"], held: [] as Heard["held"] }
  const transport = Transport.make({
    write: (line) => {
      const message = JSON.parse(line) as { readonly error?: unknown }
      if (message.error !== undefined) heard.refusals.push(message as Heard["refusals"][number])
      return Promise.resolve()
    },
    pause: () => heard.held.push("pause"),
    resume: () => heard.held.push("resume"),
    start: () => undefined,
    close: () => undefined
  })
  Object.assign(transport, { onmessage: (message: JSONRPCMessage) => heard.messages.push(message) })
  return { transport, ...heard }
}

const ping = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}"

describe("messages in lines", () => {
  it("are refused with the error of JSON-RPC that fits, and the next one is heard (MC-1)", () => {
    const table: ReadonlyArray<readonly [line: string, code: number, id: unknown]> = [
      ["nonsense", -32_700, null],
      ["{\"jsonrpc\":\"2.0\",\"id\":", -32_700, null],
      ["\uFEFFnonsense", -32_700, null],
      [`[${ping}]`, -32_600, null],
      ["5", -32_600, null],
      ["\"text\"", -32_600, null],
      ["null", -32_600, null],
      ["{}", -32_600, null],
      ["{\"id\":7,\"method\":\"ping\"}", -32_600, 7],
      ["{\"jsonrpc\":\"1.0\",\"id\":\"a\",\"method\":\"ping\"}", -32_600, "a"],
      ["{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}", -32_600, null],
      ["{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"ping\"}", -32_600, null],
      ["{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"ping\"}", -32_600, null],
      ["{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":5}", -32_600, 3],
      ["{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"ping\",\"params\":[1]}", -32_600, 3],
      ["{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"ping\",\"params\":\"x\"}", -32_600, 3]
    ]
    for (const [line, code, id] of table) {
      const { messages, refusals, transport } = listen()
      transport.feed(bytes(`${line}\n\n   \r\n${ping}\r\n`))
      assert.strictEqual(refusals.length, 1, line)
      assert.strictEqual(refusals[0]?.error.code, code, line)
      assert.strictEqual(refusals[0]?.id, id, line)
      assert.strictEqual(messages.length, 1, line)
    }
  })

  it("are heard whole, however the bytes are cut (MC-1)", () => {
    const text =
      `${ping}\n{"jsonrpc":"2.0","id":"é€😀","method":"ping"}\r\n\n{"jsonrpc":"2.0","method":"n","params":{}}\n`
    FastCheck.assert(FastCheck.property(FastCheck.array(FastCheck.integer({ min: 1, max: 30 })), (sizes) => {
      const { messages, refusals, transport } = listen()
      let rest = bytes(text)
      for (const size of sizes) {
        transport.feed(rest.subarray(0, size))
        rest = rest.subarray(size)
      }
      transport.feed(rest)
      assert.strictEqual(refusals.length, 0)
      assert.strictEqual(messages.length, 3)
    }))
  })

  it("survive any bytes (MC-1)", () => {
    FastCheck.assert(FastCheck.property(FastCheck.uint8Array({ maxLength: 300 }), (noise) => {
      const { messages, transport } = listen()
      transport.feed(noise)
      transport.feed(bytes(`\n${ping}\n`))
      assert.isAtLeast(messages.length, 1)
    }))
  })

  it("are refused once when too long, whatever their length, and nothing of them is kept (MC-2)", () => {
    const { messages, refusals, transport } = listen()
    const chunk = new Uint8Array(1_048_576).fill(120)
    const before = process.memoryUsage().arrayBuffers
    for (let megabytes = 0; megabytes < 100; megabytes++) transport.feed(chunk)
    assert.isBelow(process.memoryUsage().arrayBuffers - before, 32 * 1_048_576)
    transport.feed(bytes(`\n${ping}\n`))
    assert.deepStrictEqual(refusals.map(({ error }) => error.code), [-32_600])
    assert.strictEqual(messages.length, 1)
  })

  it("may be nested as deep as they like (MC-2)", () => {
    const { messages, refusals, transport } = listen()
    const deep = `${"[".repeat(10_000)}${"]".repeat(10_000)}`
    transport.feed(bytes(`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"x":${deep}}}\n${ping}\n`))
    assert.strictEqual(messages.length + refusals.length, 2)
  })

  it("are not read faster than what refuses them is read (MC-2)", async () => {
    const { held, refusals, transport } = listen()
    transport.feed(bytes("nonsense\n".repeat(300)))
    assert.deepStrictEqual(held, ["pause"])
    await Promise.resolve()
    assert.deepStrictEqual(held, ["pause", "resume"])
    assert.strictEqual(refusals.length, 300)
  })

  it("are refused when they have the id of one that is not answered yet (MC-2)", async () => {
    const { held, messages, refusals, transport } = listen()
    for (let times = 0; times < 300; times++) {
      transport.feed(bytes("{\"jsonrpc\":\"2.0\",\"id\":\"same\",\"method\":\"tools/list\"}\n"))
    }
    assert.deepStrictEqual([messages.length, refusals.length], [1, 299])
    assert.deepStrictEqual([...new Set(refusals.map(({ error, id }) => `${id} ${error.code}`))], ["null -32600"])
    assert.deepStrictEqual(held, ["pause"])
    await transport.send({ jsonrpc: "2.0", id: "same", result: {} })
    transport.feed(bytes("{\"jsonrpc\":\"2.0\",\"id\":\"same\",\"method\":\"tools/list\"}\n"))
    assert.strictEqual(messages.length, 2)
  })

  it("are not read faster than they are answered (MC-2)", async () => {
    const { held, messages, transport } = listen()
    for (let id = 0; id < 300; id++) {
      transport.feed(bytes(`{"jsonrpc":"2.0","id":${id},"method":"tools/call","params":{}}\n`))
    }
    assert.deepStrictEqual(held, ["pause"])
    for (let id = 0; id < 200; id++) await transport.send({ jsonrpc: "2.0", id, result: {} })
    for (let id = 200; id < 300; id++) {
      transport.feed(bytes(`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":${id}}}\n`))
    }
    assert.deepStrictEqual(held, ["pause", "resume"])
    assert.strictEqual(messages.length, 400)
  })
})
