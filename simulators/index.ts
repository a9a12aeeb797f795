/** The providers' simulators: real HTTP servers that keep the providers' contracts, and say that they are simulators. */
export { createArkSimulator } from './ark/index.js'
export { createImageGatewaySimulator } from './image-gateway/index.js'
export {
  type Faults,
  type LoggedRequest,
  SIMULATOR_HEADER,
  type Simulator,
  type SimulatorOptions,
} from './simulator.js'
