package published

import (
	"crypto/hpke"
	"errors"
	"fmt"
	"time"

	"github.com/enrold/enrold/internal/eid"
)

// SealPolicy says how long a desk goes on without a new list of seal keys.
type SealPolicy struct {
	Grace time.Duration // beyond the list's end; then nothing is captured
	Warn  time.Duration // before the list's end
}

// DefaultSealPolicy is for desks that may be without a network for some weeks.
func DefaultSealPolicy() SealPolicy {
	return SealPolicy{Grace: 7 * 24 * time.Hour, Warn: 14 * 24 * time.Hour}
}

// Recipients are the keys to seal to now.
type Recipients struct {
	Keys    []hpke.PublicKey
	Until   time.Time // nothing is captured from then on, unless a new list comes
	Warning eid.Code  // eid.CodeSealKeysEnding when that is near, else ""
}

// Recipients returns the seal keys in force. Without any, or when the newest
// list has been over for longer than the grace, the error is an *eid.Error with
// eid.CodeSealKeys: nobody may sit down for a request that cannot be sealed.
func (s *Store) Recipients(now time.Time, p SealPolicy) (Recipients, error) {
	const op = "choose seal keys"
	k, ok := s.Get(KindSealKeys)
	if !ok {
		return Recipients{}, eid.Fail(eid.CodeSealKeys, op, errors.New("no list of seal keys yet"))
	}
	now = s.Clock(now)
	list, err := ParseSealKeys(k.Data)
	if err != nil {
		return Recipients{}, eid.Fail(eid.CodeSealKeys, op, err)
	}
	r := Recipients{}
	var last time.Time // end of the last key, which may follow the present ones
	for _, key := range list {
		from, to := time.Unix(key.NotBefore, 0), time.Unix(key.NotAfter, 0)
		pub, err := key.public()
		if err != nil {
			continue // a KEM of newer software
		}
		if to.After(last) {
			last = to
		}
		if !now.Add(skew).Before(from) && !now.After(to.Add(p.Grace)) {
			r.Keys = append(r.Keys, pub)
		}
	}
	end := k.NotAfter
	if last.Before(end) {
		end = last
	}
	r.Until = end.Add(p.Grace)
	if len(r.Keys) == 0 || now.After(r.Until) {
		return Recipients{}, eid.Fail(eid.CodeSealKeys, op, fmt.Errorf("list version %d ended on %s", k.Version, k.NotAfter.Format(time.DateOnly)))
	}
	if now.After(end.Add(-p.Warn)) {
		r.Warning = eid.CodeSealKeysEnding
	}
	return r, nil
}
