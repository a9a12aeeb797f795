/** Main as a process. It loads the rest while its database is opened. */
export { runMain } from '../main-component/run.js'
