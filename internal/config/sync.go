package config

import "errors"

// Sync says how requests travel to the central.
type Sync struct {
	MaxKbit    int      `toml:"max_kbit"`    // what is sent, kbit/s; 0 for no bound
	QuietHours []string `toml:"quiet_hours"` // "07:30-11:30", Viet Nam time: only announcements and what is urgent
	Metered    []string `toml:"metered"`     // interfaces paid by volume ("wwan*"): the same restraint
	UrgentDays int      `toml:"urgent_days"` // working days before the legal deadline from which nothing holds a request back; 0 for 1
	Lanes      int      `toml:"lanes"`       // requests under way at once; 0 for the measured best
}

func (s Sync) check() error {
	if s.MaxKbit < 0 || s.UrgentDays < 0 || s.Lanes < 0 {
		return errors.New("sync: max_kbit, urgent_days and lanes cannot be negative")
	}
	return nil
}
