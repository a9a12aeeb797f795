/** The providers' simulators: real HTTP servers that follow the providers' contracts, and identify as simulators. */
export { createArkSimulator } from './ark/index.js'
export type { FaultKind, FaultPlan } from './faults.js'
export { createGeminiSimulator } from './gemini/index.js'
export { SIMULATOR_HEADER } from './http.js'
export { createImageGatewaySimulator } from './image-gateway/index.js'
export type { Simulator } from './simulator.js'
