package procedure

import (
	"fmt"
	"io/fs"
	"time"

	"github.com/enrold/enrold/internal/eid"
)

// hoChiMinh is the time of every clock of the law: UTC+7, no summer time. A
// fixed zone, so that the desk needs no zone database.
var hoChiMinh = time.FixedZone("ICT", 7*60*60)

// Day returns the day in Viet Nam at t.
func Day(t time.Time) eid.Date { return eid.Date(t.In(hoChiMinh).Format(time.DateOnly)) }

func parseDay(d eid.Date) (time.Time, error) {
	t, err := time.Parse(time.DateOnly, string(d))
	if err != nil {
		return t, fmt.Errorf("not a day of the form YYYY-MM-DD")
	}
	return t, nil
}

// Calendar tells working days from days off.
type Calendar struct {
	off, work map[eid.Date]bool
	official  map[int]bool // years fixed by a notice
}

type calendarFile struct {
	Fixed           []string `toml:"fixed"`
	CultureDay      string   `toml:"culture_day"`
	CultureDaySince int      `toml:"culture_day_since"`
	Lunar           []struct {
		Year      int      `toml:"year"`
		Tet       eid.Date `toml:"tet"`
		HungKings eid.Date `toml:"hung_kings"`
	} `toml:"lunar"`
	Years []struct {
		Year   int        `toml:"year"`
		Source string     `toml:"source"`
		Off    []eid.Date `toml:"off"`
		Work   []eid.Date `toml:"work"` // weekend days worked in exchange
	} `toml:"years"`
}

const calendarName = "data/vn.toml"

func loadCalendar(fsys fs.FS) (*Calendar, error) {
	var f calendarFile
	if err := decode(fsys, calendarName, &f); err != nil {
		return nil, err
	}
	c := &Calendar{off: map[eid.Date]bool{}, work: map[eid.Date]bool{}, official: map[int]bool{}}
	for _, y := range f.Years {
		c.official[y.Year] = true
		for _, days := range []struct {
			list []eid.Date
			into map[eid.Date]bool
		}{{y.Off, c.off}, {y.Work, c.work}} {
			for _, d := range days.list {
				if t, err := parseDay(d); err != nil || t.Year() != y.Year {
					return nil, fmt.Errorf("read calendar: %q is no day of %d", d, y.Year)
				}
				days.into[d] = true
			}
		}
	}
	return c, c.estimate(f)
}

// estimatedYears bounds the years for which days are worked out ahead.
const estimatedFrom, estimatedTo = 2024, 2060

// estimate fills the years that no notice fixes. A day off that falls on a
// weekend moves to the next working day (Labour Code Art. 111 §3).
func (c *Calendar) estimate(f calendarFile) error {
	var days []time.Time
	for year := estimatedFrom; year <= estimatedTo; year++ {
		for _, md := range f.Fixed {
			if md == f.CultureDay && year < f.CultureDaySince {
				continue
			}
			t, err := parseDay(eid.Date(fmt.Sprintf("%04d-%s", year, md)))
			if err != nil {
				return fmt.Errorf("read calendar: fixed day %q: %w", md, err)
			}
			days = append(days, t)
		}
	}
	for _, l := range f.Lunar {
		tet, err := parseDay(l.Tet)
		if err != nil {
			return fmt.Errorf("read calendar: tet %d: %w", l.Year, err)
		}
		for i := -1; i <= 3; i++ {
			days = append(days, tet.AddDate(0, 0, i))
		}
		kings, err := parseDay(l.HungKings)
		if err != nil {
			return fmt.Errorf("read calendar: hung kings %d: %w", l.Year, err)
		}
		days = append(days, kings)
	}
	for _, t := range days {
		if c.official[t.Year()] {
			continue
		}
		for !c.working(t) {
			t = t.AddDate(0, 0, 1)
		}
		c.off[eid.Date(t.Format(time.DateOnly))] = true
	}
	return nil
}

func (c *Calendar) working(t time.Time) bool {
	day := eid.Date(t.Format(time.DateOnly))
	if c.work[day] {
		return true
	}
	return !c.off[day] && t.Weekday() != time.Saturday && t.Weekday() != time.Sunday
}

// AddWorkingDays returns the n-th working day after day. The first day is not
// counted (Civil Code 2015 Art. 147). official is false when a day on the way
// lies in a year whose days off no notice has fixed yet: the screen then says
// that the date is an estimate.
func (c *Calendar) AddWorkingDays(day eid.Date, n int) (due eid.Date, official bool, err error) {
	t, err := parseDay(day)
	if err != nil {
		return "", false, fmt.Errorf("count working days: %w", err)
	}
	official = c.official[t.Year()]
	for n > 0 {
		t = t.AddDate(0, 0, 1)
		official = official && c.official[t.Year()]
		if c.working(t) {
			n--
		}
	}
	return eid.Date(t.Format(time.DateOnly)), official, nil
}
