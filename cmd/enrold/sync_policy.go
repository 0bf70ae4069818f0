package main

import (
	"fmt"

	"github.com/enrold/enrold/internal/config"
	"github.com/enrold/enrold/internal/procedure"
	"github.com/enrold/enrold/sync/uplink"
)

// syncPolicy reads the configuration's [sync] for the uplink.
func syncPolicy(c config.Sync) (uplink.Policy, error) {
	rules, err := procedure.Load()
	if err != nil {
		return uplink.Policy{}, err
	}
	p := uplink.Policy{
		Lanes: c.Lanes, BytesPerSecond: int64(c.MaxKbit) * 1000 / 8, Metered: c.Metered,
		UrgentDays: c.UrgentDays, Calendar: rules.Calendar(),
	}
	for _, text := range c.QuietHours {
		w, err := uplink.ParseWindow(text)
		if err != nil {
			return uplink.Policy{}, fmt.Errorf("sync.quiet_hours: %w", err)
		}
		p.Quiet = append(p.Quiet, w)
	}
	return p, nil
}
