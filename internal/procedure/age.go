package procedure

import (
	"fmt"
	"strconv"
	"time"

	"github.com/enrold/enrold/internal/eid"
)

// AgeOn returns the full years of someone born on birth at day. Where parts of
// birth are unknown ("00", as in some passports) the youngest possible age
// counts, so that a limit is never passed by ignorance.
func (r AgeRule) AgeOn(birth, day eid.Date) (int, error) {
	on, err := parseDay(day)
	if err != nil {
		return 0, fmt.Errorf("age: %w", err)
	}
	year, month, date, err := birthParts(birth)
	if err != nil {
		return 0, err
	}
	age := on.Year() - year
	if birthday := r.birthdayIn(on.Year(), month, date); on.Before(birthday) {
		age--
	}
	return age, nil
}

// birthdayIn returns the day in year on which a year of life is completed.
func (r AgeRule) birthdayIn(year, month, date int) time.Time {
	leapYear := time.Date(year, 2, 29, 0, 0, 0, 0, time.UTC).Month() == time.February
	if month == 2 && date == 29 && !leapYear {
		if r.LeapBirthday == "02-28" {
			return time.Date(year, 2, 28, 0, 0, 0, 0, time.UTC)
		}
		return time.Date(year, 3, 1, 0, 0, 0, 0, time.UTC)
	}
	return time.Date(year, time.Month(month), date, 0, 0, 0, 0, time.UTC)
}

// birthParts splits a birth date; unknown parts become the latest possible.
func birthParts(birth eid.Date) (year, month, date int, err error) {
	bad := func() (int, int, int, error) { return 0, 0, 0, fmt.Errorf("age: birth date is no day") }
	if len(birth) != len(time.DateOnly) || birth[4] != '-' || birth[7] != '-' {
		return bad()
	}
	var parts [3]int
	for i, text := range []eid.Date{birth[:4], birth[5:7], birth[8:]} {
		n, err := strconv.ParseUint(string(text), 10, 16)
		if err != nil {
			return bad()
		}
		parts[i] = int(n)
	}
	year, month, date = parts[0], parts[1], parts[2]
	if year == 0 {
		return bad()
	}
	if month == 0 {
		month, date = 12, 31
	}
	last := time.Date(year, time.Month(month)+1, 0, 0, 0, 0, 0, time.UTC).Day()
	if date == 0 {
		date = last
	}
	if month > 12 || date > last {
		return bad()
	}
	return year, month, date, nil
}
