// A stage in a module of its own, for the command: relay forward 8848 8849 --stage ./upper.mjs
// #region upper
export default {
  name: 'upper',
  up: () => (chunk) => chunk.map((byte) => (byte >= 0x61 && byte <= 0x7a ? byte - 0x20 : byte)),
}
// #endregion
