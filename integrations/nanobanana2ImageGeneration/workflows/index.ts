export { singleWorkflow as imageGenerationWorkflow } from '../../../provider-kit/workflow/shared-workflows.js'
