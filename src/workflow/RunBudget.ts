/**
 * What a run may spend: the least of what an application allows and what its workflow says, unless it was started with
 * something else; a child keeps within its parent's as well.
 */
import * as Effect from "effect/Effect"
import * as Budget from "../budget/Budget.ts"
import type { Provider } from "../provider/Provider.ts"
import * as Request from "./Request.ts"
import { InvalidRun } from "./WorkflowError.ts"

/**
 * The limits of a root run.
 * @category constructors
 * @since 0.1.0
 */
export const ofRoot = (
  application: Budget.Limits,
  workflow: Budget.Limits | undefined,
  started: Partial<Budget.Limits> | undefined
): Budget.Limits => {
  const least = workflow === undefined ? application : Budget.lower(application, workflow)
  return {
    tokens: started?.tokens === undefined ? least.tokens : started.tokens,
    cost: started?.cost === undefined ? least.cost : started.cost
  }
}

/**
 * The budget of a child run of which `spent` is gone already.
 * @category constructors
 * @since 0.1.0
 */
export const ofChild = (
  parent: Budget.Budget,
  workflow: Budget.Limits | undefined,
  spent: Budget.Amount
): Budget.Budget =>
  workflow === undefined || (workflow.tokens === null && workflow.cost === null)
    ? parent
    : Budget.within(parent, workflow, spent)

/**
 * A cost budget cannot be held when the run's own model has no price; said before anything is stored.
 * @category running
 * @since 0.1.0
 */
export const checkPrice = (
  provider: Provider,
  model: string | undefined,
  budget: Budget.Limits
): Effect.Effect<void, InvalidRun> => {
  if (budget.cost === null) return Effect.void
  const resolved = provider.resolveModel(model)
  const { cost } = provider.estimate(Request.least(resolved))
  return cost(1, 1) !== undefined ? Effect.void : Effect.fail(
    new InvalidRun({
      setting: "budget",
      detail: `The price of model ${resolved} at ${provider.name} is not known, so a cost budget cannot be held. ` +
        "Add it to the price file (OWF_PRICES_FILE), choose another model, or set a token budget instead."
    })
  )
}
