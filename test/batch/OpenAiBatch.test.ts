import * as BatchContract from "../contract/BatchContract.ts"
import { openAiLab } from "./batchLab.ts"

BatchContract.suite("OpenAI", {
  lab: openAiLab,
  isFoundWhileRunning: true,
  failsWhole: true,
  namesAddresses: false
})
