package intake

import (
	"context"
	"fmt"
	"time"

	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/intake/vault"
	"github.com/enrold/enrold/sync/wire"
)

// activationDays is how long the holder of a granted account has to activate
// it, in calendar days from the notice (Decree 69/2024 Art. 14, draft text).
const activationDays = 7

// hoChiMinh is the time of the law; Viet Nam has no other and no summer time.
var hoChiMinh = time.FixedZone("Asia/Ho_Chi_Minh", 7*3600)

// Activator is what a Decider may be as well: it knows whether the holder of a
// granted account has activated it, and else when to ask again. Without one a
// granted request stays granted.
type Activator interface {
	Activated(ctx context.Context, id request.Ident, granted time.Time) (done bool, after time.Duration, err error)
}

// ActivationEnds returns the moment at which an account that was granted then
// can no longer be activated: the end of the last day.
func ActivationEnds(granted time.Time) time.Time {
	y, m, d := granted.In(hoChiMinh).Date()
	return time.Date(y, m, d+activationDays+1, 0, 0, 0, 0, hoChiMinh)
}

func (in *Intake) activation(ctx context.Context, r vault.Request) (Verdict, error) {
	holders, ok := in.o.Decider.(Activator)
	if !ok {
		return Verdict{State: wire.StateGranted, After: lookAlone}, nil
	}
	ends := ActivationEnds(r.Moved)
	done, after, err := holders.Activated(ctx, r.Ident, r.Moved)
	if err != nil {
		return Verdict{}, fmt.Errorf("ask for activation: %w", err)
	}
	if done {
		return Verdict{State: wire.StateActivated}, nil
	}
	if left := time.Until(ends); left > 0 {
		return Verdict{State: wire.StateGranted, After: min(after, left)}, nil
	}
	return Verdict{State: wire.StateActivationExpired}, nil
}
