/**
 * The program in the report: shows the data that is in the same file. It sends and loads nothing.
 */
import { render } from "preact"
import { App } from "./App.tsx"
import { listen } from "./Keys.ts"
import { isPrinting, syncAddress, syncTheme } from "./State.ts"

const root = document.getElementById("app")

if (root !== null) {
  syncTheme()
  syncAddress()
  listen()
  const paper = matchMedia("print")
  isPrinting.value = paper.matches
  paper.addEventListener("change", () => isPrinting.value = paper.matches)
  globalThis.addEventListener("beforeprint", () => isPrinting.value = true)
  globalThis.addEventListener("afterprint", () => isPrinting.value = paper.matches)
  root.replaceChildren()
  render(<App />, root)
}
