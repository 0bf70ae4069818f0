package intake

import (
	"context"
	"errors"

	"github.com/enrold/enrold/sync/intake/vault"
	"github.com/enrold/enrold/sync/wire"
)

// Statements returns what was signed about a desk's request, for ways other than
// the central's own wire: the receipt, then the newest result if there is one.
// Nothing for a request that is unknown or another desk's.
func (in *Intake) Statements(ctx context.Context, desk, id string) ([][]byte, error) {
	r, err := in.o.Vault.Request(ctx, id)
	if errors.Is(err, vault.ErrUnknown) || err == nil && r.Ident.Desk != desk {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if len(r.Result) == 0 {
		return [][]byte{r.Receipt}, nil
	}
	return [][]byte{r.Receipt, r.Result}, nil
}

// Log keeps the head of a desk's audit log when it extends the kept one, and
// returns what is kept. A contradiction is an alarm and wire.ErrLog.
func (in *Intake) Log(ctx context.Context, desk string, l wire.Log) (wire.LogHead, error) {
	return ledger{in}.Log(ctx, desk, l)
}
