import { it } from 'vitest'
import { surviveChaos } from './survive.js'

it('60 tasks in 2.5 minutes of chaos: none lost, run twice or paid twice, no stale write accepted', async () => {
  await surviveChaos(60, 2.5, 4)
}, 660_000)
