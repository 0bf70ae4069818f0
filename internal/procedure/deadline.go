package procedure

import (
	"fmt"
	"time"

	"github.com/enrold/enrold/internal/eid"
)

// Due is the day by which the centre must answer, counted from the desk's
// receipt, which is the worst case for the centre.
type Due struct {
	Day      eid.Date
	Rule     string // "CLK-2"
	Article  string
	Official bool // false: days off on the way are estimated
}

// Deadline returns the limit of a request received complete at the given time.
// An expired card takes the path of ELG-6.
func (r *Rules) Deadline(received time.Time, cardExpired bool) (Due, error) {
	want := "default"
	if cardExpired {
		want = "card_expired"
	}
	for _, row := range r.Deadlines {
		if row.Case != want {
			continue
		}
		day, official, err := r.calendar.AddWorkingDays(Day(received), row.WorkingDays)
		if err != nil {
			return Due{}, fmt.Errorf("deadline %s: %w", row.Rule, err)
		}
		return Due{Day: day, Rule: row.Rule, Article: row.Article, Official: official}, nil
	}
	return Due{}, fmt.Errorf("deadline: no rule for case %q", want)
}
