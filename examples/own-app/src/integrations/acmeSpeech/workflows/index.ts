export { polledWorkflow as acmeSpeechWorkflow } from 'interaqt-async-task/workflow'
