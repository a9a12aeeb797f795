/** Where applications written for earlier versions import it from. */
export * from '../../tasks/apis/fetch-pending-tasks.js'
