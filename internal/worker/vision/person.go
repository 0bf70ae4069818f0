package vision

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/match/face"
)

// keptFor is how long the template of a comparison waits for the look for a face
// that was seen before, which follows at once.
const keptFor = 10 * time.Second

// lastPerson keeps the template of the last comparison that did not fail, so that
// the look for a face seen before describes nothing again. It is given away once,
// and wiped when it is too old or when another one comes.
type lastPerson struct {
	mu    sync.Mutex
	of    [sha256.Size]byte // of the images
	held  face.Template     // without numbers: none
	wiper *time.Timer
}

// keep takes the template of these images over.
func (l *lastPerson) keep(images []eid.Blob, t face.Template) {
	of := digest(images)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forget()
	l.of, l.held = of, t
	l.wiper = time.AfterFunc(keptFor, func() { l.wipe(of) })
}

// take gives the template of these images away, for the caller to wipe; false
// where it is not the one that is held.
func (l *lastPerson) take(images []eid.Blob) (face.Template, bool) {
	of := digest(images)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.held.Values == nil || l.of != of {
		return face.Template{}, false
	}
	t := l.held
	l.held = face.Template{}
	l.forget()
	return t, true
}

// wipe forgets the template of one digest, and no later one.
func (l *lastPerson) wipe(of [sha256.Size]byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of == of {
		l.forget()
	}
}

// close forgets what is held.
func (l *lastPerson) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forget()
}

func (l *lastPerson) forget() {
	if l.wiper != nil {
		l.wiper.Stop()
		l.wiper = nil
	}
	l.held.Wipe()
	l.held, l.of = face.Template{}, [sha256.Size]byte{}
}

// digest is one of images in their order.
func digest(images []eid.Blob) (sum [sha256.Size]byte) {
	h := sha256.New()
	for _, data := range images {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(data)))
		h.Write(n[:])
		h.Write(data)
	}
	h.Sum(sum[:0])
	return sum
}
