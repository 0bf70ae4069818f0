// Package simulator stands in for the deciding databases, that of ID cards and
// that of immigration: they take their time, are down for a while, want a
// correction or reject, and the holder of a granted account activates it or
// does not. What becomes of a request follows from the seed and the request's id
// alone, so that two processes, or one that was killed, say the same.
package simulator

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/pelletier/go-toml/v2"

	"github.com/enrold/enrold/queue/request"
	"github.com/enrold/enrold/sync/wire"
)

// Config is the file: TOML, strict.
//
//	seed = 7
//	[id_cards]
//	delay = ["2s", "30s"]
//	outage = { every = "10m", lasts = "1m" }
//	needs_correction = 0.05
//	rejected = 0.02
//	activated = 0.9
//	activation = ["1h", "200h"]
//	[[script]]
//	desk = "desk-1"
//	seq = 3
//	state = "rejected"
//	reason = "document_not_verified"
type Config struct {
	Seed        uint64   `toml:"seed"`
	IDCards     Database `toml:"id_cards"`
	Immigration Database `toml:"immigration"`
	Script      []Rule   `toml:"script"`
}

// Database is how one of them behaves. The zero value grants at once.
type Database struct {
	Delay           Range   `toml:"delay"` // from acceptance to the decision
	Outage          Outage  `toml:"outage"`
	NeedsCorrection float64 `toml:"needs_correction"` // share of requests
	Rejected        float64 `toml:"rejected"`         // share of requests
	Activated       float64 `toml:"activated"`        // share of those granted
	Activation      Range   `toml:"activation"`       // from the grant
}

// Outage says that a database is down for the first Lasts of each Every.
type Outage struct {
	Every Duration `toml:"every"`
	Lasts Duration `toml:"lasts"`
}

// Rule decides one request: by its id, or by desk and number.
type Rule struct {
	Request  string      `toml:"request"`
	Desk     string      `toml:"desk"`
	Seq      int64       `toml:"seq"`
	Delay    Duration    `toml:"delay"`
	State    wire.State  `toml:"state"` // needs_correction, granted or rejected
	Reason   wire.Reason `toml:"reason"`
	Activate *Duration   `toml:"activate"` // from the grant; never when absent
}

// Range is a shortest and a longest time.
type Range [2]Duration

// Duration is written as "90s" or "24h".
type Duration time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err == nil && v < 0 {
		err = errors.New("a time is negative")
	}
	*d = Duration(v)
	return err
}

// Load reads and checks a file.
func Load(path string) (Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return Config{}, fmt.Errorf("load simulated databases: %w", err)
	}
	defer f.Close()
	var c Config
	if err := toml.NewDecoder(f).DisallowUnknownFields().Decode(&c); err != nil {
		return Config{}, fmt.Errorf("load simulated databases %s: %w", path, err)
	}
	if err := c.check(); err != nil {
		return Config{}, fmt.Errorf("load simulated databases %s: %w", path, err)
	}
	return c, nil
}

func (c Config) check() error {
	for name, d := range map[string]Database{"id_cards": c.IDCards, "immigration": c.Immigration} {
		for _, share := range []float64{d.NeedsCorrection, d.Rejected, d.Activated, d.NeedsCorrection + d.Rejected} {
			if share < 0 || share > 1 {
				return fmt.Errorf("%s: a share is not between 0 and 1", name)
			}
		}
		for _, r := range []Range{d.Delay, d.Activation} {
			if r[0] > r[1] {
				return fmt.Errorf("%s: a shortest time is over the longest", name)
			}
		}
		if d.Outage.Lasts > 0 && d.Outage.Lasts >= d.Outage.Every {
			return fmt.Errorf("%s: an outage lasts for ever", name)
		}
	}
	for i, r := range c.Script {
		if (r.Request == "") == (r.Desk == "") || r.Request != "" && request.CheckID(r.Request) != nil || r.Desk != "" && r.Seq < 1 {
			return fmt.Errorf("script %d: want either request, or desk and seq", i+1)
		}
		switch {
		case r.State == wire.StateGranted && r.Reason == "":
		case (r.State == wire.StateRejected || r.State == wire.StateNeedsCorrection) && r.Reason != "" && r.Activate == nil:
		default:
			return fmt.Errorf("script %d: state, reason and activate do not fit each other", i+1)
		}
	}
	return nil
}
