// Holds listening sockets that nobody accepts from, and gives them back.
const kept = new Map()

process.on('message', ({ keep, back }, handle) => {
  if (keep !== undefined) {
    kept.set(keep, handle)
    process.send({ kept: keep })
    return
  }
  const returned = kept.get(back)
  kept.delete(back)
  process.send({ back }, returned, () => returned.close())
})
process.on('disconnect', () => process.exit())
