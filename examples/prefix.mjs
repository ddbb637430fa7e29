// A stage that takes an argument, for the command: relay forward 8848 8849 --stage './prefix.mjs:-- '
// #region prefix
export default (argument = '> ') => ({
  name: 'prefix',
  down() {
    let atStart = true
    return function* (chunk) {
      for (let start = 0; start < chunk.length; ) {
        const end = chunk.indexOf('\n', start) + 1 || chunk.length
        if (atStart) yield argument
        yield chunk.subarray(start, end)
        atStart = chunk[end - 1] === 0x0a
        start = end
      }
    }
  },
})
// #endregion
