import { Scripted } from "open-agent-workflows"
import * as Money from "open-agent-workflows/domain/Money"
import type { Provider } from "open-agent-workflows/provider/Provider"

/** A provider whose requests are estimated at a hundred tokens, of a billionth of a dollar each. */
export const provider = (ask: Provider["ask"]): Provider => ({
  ...Scripted.make([], { name: "teller", capabilities: { boundsOutput: true } }),
  estimate: () => ({ inputTokens: 40, outputTokens: 60, cost: (input, output) => Money.fromNano(input + output) }),
  ask
})
