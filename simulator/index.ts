/** Simulators of providers: real HTTP servers with a log of requests, a latency, and faults on demand. */
export type { Operation, ProviderErrors } from './disturbances.js'
export { FAULT_KINDS, FAULTS, type FaultKind, type FaultMoment, type FaultPlan, faultsAt } from './faults.js'
export type { LoggedRequest } from './request-log.js'
export {
  type PolledProvider,
  type SimulatedJob,
  type SingleProvider,
  simulate,
} from './simulate.js'
export { createSimulator, type Simulator, type SimulatorKind, type SimulatorOptions } from './simulator.js'
