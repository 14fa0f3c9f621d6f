import * as BatchContract from "../contract/BatchContract.ts"
import { geminiLab } from "./batchLab.ts"

const options = { isFoundWhileRunning: true, failsWhole: true, namesAddresses: true }

BatchContract.suite("Gemini", { ...options, lab: geminiLab() })
BatchContract.suite("Gemini with its results inside of the operation", {
  ...options,
  lab: geminiLab({ isInline: true })
})
