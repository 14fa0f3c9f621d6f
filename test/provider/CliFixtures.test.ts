import { assert, describe, it } from "@effect/vitest"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { root } from "../lib/node.ts"
import { names } from "./cliFixtures.ts"

const tables: ReadonlyMap<string, string> = new Map([
  ["claude", "Claude"],
  ["codex", "Codex"],
  ["copilot", "Copilot"],
  ["gemini", "GeminiCli"],
  ["opencode", "OpenCode"]
])

const directory = Path.join(root, "test/provider")
const sources = new Map(
  [...tables].map(([program, module]) => {
    const files = Fs.readdirSync(directory).filter((file) => file.startsWith(module) && file.endsWith(".test.ts"))
    return [program, files.map((file) => Fs.readFileSync(Path.join(directory, file), "utf8")).join("\n")] as const
  })
)

/** Whether a test names the recording: its case as a key or a text, or its whole name. */
const hasRow = (name: string): boolean => {
  const at = name.indexOf("-")
  const program = name.slice(0, at)
  const source = sources.get(program) ?? ""
  const escaped = name.slice(at + 1).replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
  return new RegExp(`["'\`](?:${program}-)?${escaped}(?:["'\`]|\\.[a-z])|^\\s*${escaped}:`, "m").test(source)
}

describe("the recorded runs of command lines", () => {
  it("are each read by a test of their program", () => {
    assert.deepStrictEqual(names.filter((name) => !hasRow(name)), [])
  })

  it("would be missed if a test did not name them", () => {
    assert.isAbove(names.length, 60)
    assert.isFalse(hasRow("copilot-no-such-recording"))
    assert.isFalse(hasRow("unknown-json"))
  })

  it("hold no key", () => {
    const folder = Path.join(root, "test/fixtures/cli")
    const found = Fs.readdirSync(folder).filter((file) =>
      /\bsk-[A-Za-z0-9-]{8,}|\bgh[pousr]_[A-Za-z0-9]{20,}|\bAIza[A-Za-z0-9_-]{12,}/.test(
        Fs.readFileSync(Path.join(folder, file), "utf8")
      )
    )
    assert.deepStrictEqual(found, [])
  })
})
