import { assert, describe, it } from "@effect/vitest"
import { spawnSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { directoryWith } from "../lib/node.ts"
import * as LocalModel from "./localModel.ts"
import { bin, owfWith } from "./owf.ts"

const flow = `
import * as Schema from "effect/Schema"
import { agent, log, parallel, phase, Workflow } from "open-agent-workflows"

export default Workflow.make({
  name: "many",
  args: Schema.Struct({ calls: Schema.Number })
}, function*({ calls }) {
  yield* phase("plan")
  yield* agent("outline", { label: "outline" })
  yield* log("it begins")
  yield* phase("work")
  const work = Array.from({ length: calls }, (_, index) => agent("item " + index, { label: "item " + index + " 漢字\\u001b[2J" }))
  const results = yield* parallel(work, { concurrency: 8 })
  console.log("a line of the script's own")
  return results.length
})
`

/** Answers after a while, the 50th request never well, until it is told to hold everything back. */
let requests = 0
let isHeld = false
const variables = LocalModel.serve((reply, refuse) => {
  requests++
  if (isHeld && requests > 20) return
  const isBad = requests === 50
  setTimeout(() => isBad ? refuse("bad \u001B[31mrequest") : reply(), 100)
})

const hasTmux = spawnSync("tmux", ["-V"]).status === 0

/** A terminal of its own with a shell in it. */
class Terminal {
  private readonly directory: string

  constructor(directory: string, columns: number, rows: number) {
    this.directory = directory
    const environment = Object.entries({
      PATH: process.env["PATH"] ?? "",
      HOME: directory,
      LANG: "C.UTF-8",
      PS1: "READY> ",
      ...variables
    }).map(([name, value]) => `${name}='${value}'`).join(" ")
    const shell = `cd '${directory}' && exec env -i TERM=screen-256color ${environment} bash --norc --noprofile`
    this.tmux("-f", "/dev/null", "new-session", "-d", "-x", `${columns}`, "-y", `${rows}`, shell)
  }

  tmux(...words: ReadonlyArray<string>): string {
    const { status, stderr, stdout } = spawnSync("tmux", ["-u", "-S", Path.join(this.directory, "tmux"), ...words], {
      encoding: "utf8",
      env: { PATH: process.env["PATH"], LANG: "C.UTF-8" }
    })
    if (status !== 0) throw new Error(`tmux ${words.join(" ")}: ${stderr}`)
    return stdout
  }

  type(text: string, ...keys: ReadonlyArray<string>): void {
    this.tmux("send-keys", "-l", text)
    if (keys.length > 0) this.tmux("send-keys", ...keys)
  }

  /** All rows from the first one on, scrolled off ones included. */
  rows(): ReadonlyArray<string> {
    return this.tmux("capture-pane", "-p", "-S", "-").trimEnd().split("\n").map((row) => row.trimEnd())
  }

  screen(): string {
    return this.tmux("capture-pane", "-p")
  }

  isCursorVisible(): boolean {
    return this.tmux("display-message", "-p", "#{cursor_flag}").trim() === "1"
  }

  /** Looks until the terminal shows what is waited for. */
  async until(what: (screen: string) => boolean): Promise<void> {
    for (const end = performance.now() + 20_000; performance.now() < end;) {
      if (what(this.screen())) return
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    throw new Error(`not seen in time:\n${this.screen()}`)
  }

  async close(): Promise<void> {
    const socket = Path.join(this.directory, "tmux")
    spawnSync("tmux", ["-S", socket, "kill-server"])
    // it removes its socket after it has answered
    for (let look = 0; look < 100 && Fs.existsSync(socket); look++) {
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}

const inTerminal = async (
  columns: number,
  rows: number,
  use: (terminal: Terminal, directory: string) => Promise<void>
): Promise<void> => {
  const directory = directoryWith({ "flow.ts": flow })
  requests = 0
  const terminal = new Terminal(directory, columns, rows)
  try {
    await terminal.until((screen) => screen.includes("READY>"))
    await use(terminal, directory)
  } finally {
    await terminal.close()
  }
}

const run = `'${process.execPath}' '${bin}' run flow.ts --provider local --arg calls=`

/** Rows only a live region has. */
const isOfRegion = (row: string): boolean => /^(?:─ |[●✓✗⏸↺·] (?:plan|work) )|^ {2}[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]/.test(row)

describe.skipIf(!hasTmux)("a run in a real terminal (needs tmux)", () => {
  it("shows 200 calls, also while the terminal changes its size, and leaves only what happened", async () => {
    isHeld = false
    await inTerminal(100, 30, async (terminal) => {
      terminal.type(`${run}200`, "Enter")
      await terminal.until((screen) => /● work +● \d/.test(screen) && /─ .*\d running/.test(screen))
      assert.isTrue(terminal.isCursorVisible())
      assert.match(terminal.screen(), /⠋|⠙|⠹|⠸|⠼|⠴|⠦|⠧|⠇|⠏/)
      terminal.tmux("resize-window", "-x", "46", "-y", "12")
      await terminal.until((screen) => screen.split("\n").some((row) => row.startsWith("─ ")))
      terminal.tmux("resize-window", "-x", "120", "-y", "40")
      await terminal.until((screen) => screen.includes("report: ") && screen.trimEnd().endsWith("READY>"))
      const rows = terminal.rows()
      assert.deepStrictEqual(rows.filter(isOfRegion), [])
      assert.isTrue(terminal.isCursorVisible())
      const ended = rows.filter((row) => /^✓ item \d+ 漢字/.test(row)).length
      const counted = rows.flatMap((row) => /^✓ (\d+) more calls ended$/.exec(row)?.[1] ?? [])
      assert.strictEqual(ended + counted.reduce((sum, count) => sum + Number(count), 0), 199)
      assert.strictEqual(rows.filter((row) => row.startsWith("✗ item")).length, 2, "when it failed, and in the summary")
      assert.isTrue(rows.includes("log: it begins") && rows.includes("a line of the script's own"))
      const last = rows.slice(rows.findIndex((row) => row.startsWith("run_id:"))).join("\n")
      assert.match(last, /✓ done .*200 of 201 calls/)
      assert.match(last, /plan +✓ 1 /)
      assert.match(last, /work +✓ 199 +✗ 1 /)
      assert.match(last, /owf cat \S+_call_\d{4} --json/)
      assert.match(last, /report: owf report \S+ --html/)
    })
  }, 40_000)

  it("leaves nothing behind after Ctrl-C, and says how to go on", async () => {
    isHeld = true
    await inTerminal(80, 24, async (terminal) => {
      terminal.type(`${run}60; echo "code $?"`, "Enter")
      await terminal.until((screen) => /─ .*8 running/.test(screen))
      terminal.tmux("send-keys", "C-c")
      await terminal.until((screen) => screen.includes("code 130"))
      const rows = terminal.rows()
      assert.deepStrictEqual(rows.filter(isOfRegion), [])
      assert.isTrue(terminal.isCursorVisible())
      assert.isTrue(rows.some((row) => row.startsWith("⏸ interrupted")))
      assert.isTrue(rows.some((row) => row.startsWith("interrupted; resume with: owf resume ")))
    })
  }, 40_000)
})

describe.skipIf(!hasTmux)("a run in a real terminal that is killed outright (needs tmux)", () => {
  it("leaves a cursor that can be seen, and a shell one can go on with", async () => {
    isHeld = true
    await inTerminal(80, 24, async (terminal, directory) => {
      terminal.type(`bash -c "echo \\$\\$ > pid; exec ${run}60"; echo "code $?"`, "Enter")
      await terminal.until((screen) => /─ .*8 running/.test(screen))
      process.kill(Number(Fs.readFileSync(Path.join(directory, "pid"), "utf8")), "SIGKILL")
      await terminal.until((screen) => screen.includes("code 137"))
      assert.isTrue(terminal.isCursorVisible())
      assert.isTrue(terminal.rows().includes("code 137"))
    })
  }, 40_000)
})

describe("a run whose output is no terminal", () => {
  it("prints a line for each thing that happens and no escape code", async () => {
    isHeld = false
    requests = 100
    const directory = directoryWith({ "flow.ts": flow })
    const words = ["run", "flow.ts", "--provider", "local", "--arg", "calls=20"]
    const colourful = { ...variables, NO_COLOR: undefined, CI: undefined, FORCE_COLOR: "1", TERM: "xterm-256color" }
    const { code, stderr, stdout } = await owfWith(colourful, directory, ...words)
    assert.strictEqual(code, 0, stderr)
    assert.notMatch(stdout + stderr, /\u001B/)
    assert.strictEqual(stderr.split("\n").filter((line) => line.startsWith("✓ item")).length, 20)
  }, 40_000)
})
