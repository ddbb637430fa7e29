// Control characters, the line separators of Unicode, and the marks that turn the direction of what follows.
const STEERING = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu

/** The text with such characters spelled out, so that no value can forge a line or steer a terminal. */
export function oneLine(text: string): string {
  return text.replace(STEERING, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
