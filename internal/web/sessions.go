package web

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"time"
)

// Bounds of what an earlier session is good for.
const (
	sessionIdle   = 12 * time.Hour   // since it was last used: a shift
	sessionsKept  = 8                // starts since the browser was last renewed
	sessionStamp  = 10 * time.Minute // how exactly its last use is known
	maxSessionLen = 4 << 10          // bytes of the file
)

// sessions remembers the tokens of this desk's earlier starts, so that a browser
// that was open during a restart is not left with a dead page. The file holds
// SHA-256 hashes of random 256-bit tokens: whoever reads it cannot open a session
// with it. Each is good once, then gone.
type sessions struct {
	path string // "" keeps nothing
	now  func() time.Time
	log  *slog.Logger

	mu      sync.Mutex
	earlier []earlier // oldest first
	current earlier
}

type earlier struct {
	Hash string    `json:"sha256"`
	Used time.Time `json:"used"`
}

func tokenHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// openSessions reads the file and adds the present token. A file that cannot be
// read is begun anew: the officer opens the screen by its address, as ever.
func openSessions(path, token string, now func() time.Time, log *slog.Logger) *sessions {
	s := &sessions{path: path, now: now, log: log, current: earlier{tokenHash(token), now().UTC()}}
	if path == "" {
		return s
	}
	if info, err := os.Stat(path); err == nil && info.Size() <= maxSessionLen {
		if data, err := os.ReadFile(path); err == nil && json.Unmarshal(data, &s.earlier) != nil {
			s.earlier = nil
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.earlier = slices.DeleteFunc(s.earlier, func(e earlier) bool { return s.stale(e) || e.Hash == s.current.Hash })
	s.earlier = s.earlier[max(0, len(s.earlier)-sessionsKept):]
	s.write()
	return s
}

// stale also holds for a use in the future: a clock that was set back proves nothing.
func (s *sessions) stale(e earlier) bool {
	age := s.now().Sub(e.Used)
	return age > sessionIdle || age < -sessionStamp
}

// spend says whether token is of an earlier start, and forgets it.
func (s *sessions) spend(token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	hash := tokenHash(token)
	i := slices.IndexFunc(s.earlier, func(e earlier) bool {
		return subtle.ConstantTimeCompare([]byte(e.Hash), []byte(hash)) == 1 && !s.stale(e)
	})
	if i < 0 {
		return false
	}
	s.earlier = slices.Delete(s.earlier, i, i+1)
	s.write()
	return true
}

// seen notes that the present token was used.
func (s *sessions) seen() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.now().UTC(); s.path != "" && now.Sub(s.current.Used) > sessionStamp {
		s.current.Used = now
		s.write()
	}
}

// write replaces the file. It costs nothing but a reopened screen when it is lost.
func (s *sessions) write() {
	if s.path == "" {
		return
	}
	data, err := json.Marshal(append(slices.Clone(s.earlier), s.current))
	if err == nil {
		next := s.path + ".new"
		if err = os.WriteFile(next, data, 0o600); err == nil {
			err = os.Rename(next, s.path)
		}
	}
	if err != nil {
		s.log.Warn("sessions not kept", "error", fmt.Errorf("write sessions: %w", err))
	}
}
