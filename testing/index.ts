/** What integrations are tested with. docs/testing-integrations.md */
export { contractSuite, runContract, type Verdict } from './contract/suite.js'
export type { ContractOptions } from './contract/world.js'
export type { AnyIntegration, DefinitionParts } from './definition-parts.js'
export type { IntegrationBench, TaskOptions } from './definition-workers.js'
export { integrationBench, type WithTask } from './integration-bench.js'
export { nextAttempt, type RecordingMain } from './recording-main.js'
