/** The control paths of a simulator: sets faults at run time, and shows its requests. No provider has these paths. */
import { type FaultPlan, FaultPlanError, type Faults, parseFaultPlan } from './faults.js'
import type { SimulatorApp } from './http.js'
import type { LoggedRequest } from './request-log.js'

const CONTROL_PATH = '/__simulator'

/** `GET`, `POST` and `DELETE …/faults`; `GET` and `DELETE …/requests`. */
export function addControlRoutes(app: SimulatorApp, requests: LoggedRequest[], faults: Faults): void {
  app.get(`${CONTROL_PATH}/faults`, (c) => c.json({ faults: faults.plan }))

  app.post(`${CONTROL_PATH}/faults`, (c) => {
    try {
      faults.set(parseFaultPlan(c.get('json')))
    } catch (error) {
      if (!(error instanceof FaultPlanError)) throw error
      return c.json({ error: error.message }, 400)
    }
    return c.json({ faults: faults.plan satisfies FaultPlan })
  })

  app.delete(`${CONTROL_PATH}/faults`, (c) => {
    faults.clear()
    return c.json({ faults: faults.plan })
  })

  app.get(`${CONTROL_PATH}/requests`, (c) => c.json({ requests }))

  app.delete(`${CONTROL_PATH}/requests`, (c) => {
    requests.length = 0
    return c.json({ requests })
  })
}
