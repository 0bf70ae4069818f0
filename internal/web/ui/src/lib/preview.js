// Reads the camera's MJPEG stream (multipart/x-mixed-replace) by hand: an <img>
// would show the frames too, but not the guidance in the parts' headers.

const maxPart = 4 << 20

// watchCamera calls onframe(blob, guidance) for each frame until signal aborts.
// It throws the daemon's failure when there is no picture.
export async function watchCamera(onframe, signal) {
  const response = await fetch('/api/preview', { signal, credentials: 'same-origin' })
  if (!response.ok) {
    const body = await response.json().catch(() => ({}))
    throw body.error ?? new Error('preview')
  }
  const reader = response.body.getReader()
  let held = new Uint8Array(0)
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    held = join(held, value)
    if (held.length > maxPart) throw new Error('frame too large')
    held = takeParts(held, onframe)
  }
}

function join(a, b) {
  const out = new Uint8Array(a.length + b.length)
  out.set(a)
  out.set(b, a.length)
  return out
}

// takeParts hands on every whole part in bytes and returns the rest.
function takeParts(bytes, onframe) {
  for (;;) {
    const end = headerEnd(bytes)
    if (end < 0) return bytes
    const head = new TextDecoder().decode(bytes.subarray(0, end))
    const length = +(/content-length: (\d+)/i.exec(head)?.[1] ?? NaN)
    if (!(length <= maxPart)) throw new Error('frame without length')
    if (bytes.length < end + length) return bytes
    const guidance = /guidance: ([\w-]*)/i.exec(head)?.[1] ?? ''
    onframe(new Blob([bytes.subarray(end, end + length)], { type: 'image/jpeg' }), guidance)
    bytes = bytes.slice(end + length)
  }
}

// headerEnd is the offset after the first empty line, -1 without one.
function headerEnd(b) {
  for (let i = 0; i + 3 < b.length; i++) {
    if (b[i] === 13 && b[i + 1] === 10 && b[i + 2] === 13 && b[i + 3] === 10) {
      // the part before it may begin with the CRLF that closes the last frame
      return i + 4
    }
  }
  return -1
}
