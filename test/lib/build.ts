import { spawnSync } from "node:child_process"
import * as Path from "node:path"

/**
 * Builds `dist` once before the tests, which start the command as users do; quick when nothing has changed.
 */
export const setup = (): void => {
  if (process.env["OWF_TEST_SKIP_BUILD"] === "1") return
  const tool = Path.resolve(import.meta.dirname, "../../.tools/build.mjs")
  const { status } = spawnSync(process.execPath, [tool, "--lenient"], { stdio: ["ignore", "inherit", "inherit"] })
  if (status !== 0) throw new Error("the build failed; its output is above")
}
