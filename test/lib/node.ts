import { spawnSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { afterAll } from "vitest"

/** Root of the checkout. */
export const root: string = Path.resolve(import.meta.dirname, "../..")

/** A new directory with the given files, removed when the tests of its file are done. */
export const directoryWith = (files: Readonly<Record<string, string>>, parent = Os.tmpdir()): string => {
  const directory = Fs.realpathSync(Fs.mkdtempSync(Path.join(parent, "owf-test-")))
  created.push(directory)
  for (const [name, text] of Object.entries(files)) {
    Fs.mkdirSync(Path.dirname(Path.join(directory, name)), { recursive: true })
    Fs.writeFileSync(Path.join(directory, name), text)
  }
  return directory
}

/** The same in memory where there is a place for that: for tests that write for a week and show nothing of the disk. */
export const directoryInMemory = (): string => directoryWith({}, Fs.existsSync("/dev/shm") ? "/dev/shm" : undefined)

const created: Array<string> = []

// a worker of vitest is killed when it is done, so nothing that listens to its exit would run
afterAll(() => {
  for (const directory of created) Fs.rmSync(directory, { recursive: true, force: true, maxRetries: 3 })
})

/** Runs a program under Node with our loader and returns what it printed. */
export const runWithLoader = (
  file: string,
  ...parameters: ReadonlyArray<string>
): { readonly status: number | null; readonly stdout: string; readonly stderr: string } =>
  spawnSync(process.execPath, ["--import", Path.join(root, "dist/node/register.js"), file, ...parameters], {
    cwd: Path.dirname(file),
    encoding: "utf8",
    env: { PATH: process.env["PATH"] },
    timeout: 25_000
  })
