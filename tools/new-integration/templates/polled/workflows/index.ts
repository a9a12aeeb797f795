export { polledWorkflow as newIntegrationWorkflow } from '../../../../../provider-kit/workflow/shared-workflows.js'
