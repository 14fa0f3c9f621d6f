import * as BatchContract from "../contract/BatchContract.ts"
import { anthropicLab } from "./batchLab.ts"

BatchContract.suite("Anthropic", {
  lab: anthropicLab,
  isFoundWhileRunning: false,
  failsWhole: false,
  namesAddresses: true
})
