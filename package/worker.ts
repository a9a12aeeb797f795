/** `interaqt-async-task/worker`: the daemon, as a process or within one. */
export { AsyncTaskComponent, type AsyncTaskComponentOptions } from '../async-task-component/index.js'
export { createLogger, installTemporalRuntime } from '../async-task-component/logger.js'
export { runAsyncTask } from '../async-task-component/run.js'
export type * from '../async-task-component/types.js'
