/** Applications written for earlier versions import it from here. */
export * from '../../tasks/apis/fetch-pending-tasks.js'
