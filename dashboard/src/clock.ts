/** The server's clock, by which its moments are told: that of the browser's machine may be wrong. */
let offset = 0;

export function setServerTime(millis: number): void {
  offset = millis - Date.now();
}

export function serverNow(): number {
  return Date.now() + offset;
}
