/**
 * A terminal that a live region can be drawn on; `src/node` has the one behind stderr.
 */
import type { Line } from "./Line.ts"

/**
 * What a frame is drawn for.
 * @category models
 * @since 0.1.0
 */
export interface Frame {
  readonly columns: number
  readonly rows: number
  /** Epoch milliseconds. */
  readonly now: number
  /** Counts up with the frames. */
  readonly frame: number
  /** Minutes local time is ahead of UTC. */
  readonly offset: number
}

/**
 * What is drawn.
 * @category models
 * @since 0.1.0
 */
export interface Drawing {
  /** The lines that are to scroll above the region, each given once. */
  readonly above: () => ReadonlyArray<Line>
  readonly region: (frame: Frame) => ReadonlyArray<Line>
}

/**
 * A region that is shown.
 * @category models
 * @since 0.1.0
 */
export interface Shown {
  /** Says that there is something new to draw. */
  readonly changed: () => void
  /** Removes the region; what is written from then on goes to the terminal directly. */
  readonly close: () => void
}

/**
 * A terminal that a live region can be drawn on.
 * @category models
 * @since 0.1.0
 */
export interface Screen {
  /** Shows a drawing, from now on until it is closed, also when the process ends before that. */
  readonly show: (drawing: Drawing) => Shown
}
