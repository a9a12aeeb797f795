export { polledWorkflow as videoPollingWorkflow } from '../../../provider-kit/workflow/shared-workflows.js'
