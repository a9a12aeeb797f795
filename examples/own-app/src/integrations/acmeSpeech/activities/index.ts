export { createActivities } from '../index.js'
