/**
 * A task in other words, for a session that knows nothing of the earlier tries: always the whole task, never cut.
 */

/**
 * The whole task for the n-th fresh session, each time with less asked of the way to it.
 * @category converting
 * @since 0.1.0
 */
export const text = (task: string, number: number): string => `${advice(number)}\n\nThe task, in full:\n\n${task}`

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const begun = "An earlier try at the task below did not come to an answer that could be used. Begin afresh."

const advice = (number: number): string => {
  switch (number) {
    case 1:
      return `${begun} Read only what you need, keep what you print short, and give the answer in exactly the form the ` +
        "task asks for."
    case 2:
      return `${begun} Take the simplest way: do the task in small steps, read files in parts, and give nothing but the ` +
        "answer, in exactly the form the task asks for."
    default:
      return `${begun} Do only what the answer cannot do without. Where something cannot be found out, say so in the ` +
        "answer instead of guessing, and give it in exactly the form the task asks for."
  }
}
