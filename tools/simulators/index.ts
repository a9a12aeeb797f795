/** The providers' simulators: real HTTP servers that follow the providers' contracts, and identify as simulators. */

export type { FaultKind, FaultPlan } from '../../simulator/faults.js'
export { SIMULATOR_HEADER } from '../../simulator/http.js'
export type { Simulator } from '../../simulator/simulator.js'
export { createArkSimulator } from './ark/index.js'
export { createGeminiSimulator } from './gemini/index.js'
export { createImageGatewaySimulator } from './image-gateway/index.js'
