export { singleWorkflow as newIntegrationWorkflow } from '../../../../../provider-kit/workflow/shared-workflows.js'
