/** What is measured, by name: what is short first. */
import type { Measure } from '../measure.js'
import { claim } from './claim.js'
import { create } from './create.js'
import { demo } from './demo.js'
import { dispatch } from './dispatch.js'
import { fetch } from './fetch.js'
import { idle } from './idle.js'
import { isolation } from './isolation.js'
import { life } from './life.js'
import { memory } from './memory.js'
import { observing, observingDispatch, observingWaits } from './observing.js'
import { operating } from './operating.js'
import { graphileWorker, pgBoss } from './peers.js'
import { pickup } from './pickup.js'
import { several } from './several.js'
import { start } from './start.js'
import { workers } from './workers.js'

export const MEASURES: Readonly<Record<string, Measure>> = {
  dispatch,
  graphileWorker,
  pgBoss,
  pickup,
  create,
  claim,
  life,
  observing,
  observingWaits,
  observingDispatch,
  start,
  demo,
  memory,
  workers,
  isolation,
  several,
  idle,
  fetch,
  operating,
}
