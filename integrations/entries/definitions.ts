/** The integrations that this application runs, one line each. */

export { fangzhouVideoGeneration } from '../fangzhouVideoGeneration/index.js'
export { nanobanana2ImageGeneration } from '../nanobanana2ImageGeneration/index.js'
export { testAsyncTask } from '../test-async-task/index.js'
