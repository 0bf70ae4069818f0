package uplink

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/enrold/enrold/internal/eid"
	"github.com/enrold/enrold/internal/procedure"
)

// Policy says what may go out and when. Announcements always may: some hundred
// bytes that tell the central what it has to expect.
type Policy struct {
	Lanes          int      // requests under way at once; 0 for the measured best
	BytesPerSecond int64    // what all connections send together; 0 for no bound
	Quiet          []Window // hours in which the link is others'
	Metered        []string // interfaces that are paid by volume, as path.Match patterns: "wwan*"
	// UrgentDays is how many working days before its legal deadline a request
	// goes out in quiet hours and over metered links, too; 0 means 1.
	UrgentDays int
	Calendar   Calendar // of working days; nil counts all days
}

// Calendar counts working days; *procedure.Calendar is one.
type Calendar interface {
	AddWorkingDays(day eid.Date, n int) (due eid.Date, official bool, err error)
}

// Window is a part of each day, Viet Nam time, in minutes since midnight; one
// that ends before it begins goes over midnight.
type Window struct{ From, To int }

// ParseWindow reads "07:30-11:30".
func ParseWindow(text string) (Window, error) {
	from, to, ok := strings.Cut(text, "-")
	a, errA := parseMinute(from)
	b, errB := parseMinute(to)
	if !ok || errA != nil || errB != nil || a == b {
		return Window{}, fmt.Errorf("hours %q: want HH:MM-HH:MM", text)
	}
	return Window{a, b}, nil
}

func parseMinute(text string) (int, error) {
	h, m, ok := strings.Cut(text, ":")
	hour, errH := strconv.Atoi(h)
	minute, errM := strconv.Atoi(m)
	if !ok || len(h) != 2 || len(m) != 2 || errH != nil || errM != nil || hour < 0 || hour > 23 || minute < 0 || minute > 59 {
		return 0, fmt.Errorf("time %q", text)
	}
	return hour*60 + minute, nil
}

// inVietNam is the zone of the law's clocks (procedure.Day).
var inVietNam = time.FixedZone("ICT", 7*60*60)

// ends returns when the window that holds t ends; zero when t is outside.
func (w Window) ends(t time.Time) time.Time {
	local := t.In(inVietNam)
	now := local.Hour()*60 + local.Minute()
	day := time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, inVietNam)
	end := day.Add(time.Duration(w.To) * time.Minute)
	switch {
	case w.From < w.To && now >= w.From && now < w.To:
		return end
	case w.From > w.To && now < w.To:
		return end
	case w.From > w.To && now >= w.From:
		return end.AddDate(0, 0, 1)
	}
	return time.Time{}
}

// quietUntil returns when the quiet hours around now end; zero when it is none.
func (p Policy) quietUntil(now time.Time) (until time.Time) {
	for _, w := range p.Quiet {
		if end := w.ends(now); end.After(until) {
			until = end
		}
	}
	return until
}

// meteredAgain is how soon a metered link is looked at again.
const meteredAgain = time.Minute

// restraint returns until when only what is urgent may go to the central: the end
// of the quiet hours, or the next look at a metered link. It is zero when
// everything may.
func (p Policy) restraint(ctx context.Context, now time.Time, central string) (until time.Time) {
	if until = p.quietUntil(now); until.IsZero() && p.metered(ctx, central) {
		until = now.Add(meteredAgain)
	}
	return until
}

// urgent says whether a request with this deadline waits for nothing. One whose
// deadline cannot be read does not wait, either.
func (p Policy) urgent(due eid.Date, now time.Time) bool {
	days := max(p.UrgentDays, 1)
	today := procedure.Day(now)
	if p.Calendar == nil {
		return due <= procedure.Day(now.AddDate(0, 0, days))
	}
	limit, _, err := p.Calendar.AddWorkingDays(today, days)
	return err != nil || due <= limit
}

// metered says whether the way to the central goes over a metered interface.
func (p Policy) metered(ctx context.Context, central string) bool {
	if len(p.Metered) == 0 {
		return false
	}
	name, err := interfaceTo(ctx, central)
	if err != nil {
		return false // no way at all: the attempt will say so
	}
	for _, pattern := range p.Metered {
		if ok, err := path.Match(pattern, name); err == nil && ok {
			return true
		}
	}
	return false
}

// interfaceTo names the network interface by which the kernel would reach a URL.
// Connecting a UDP socket sends nothing.
func interfaceTo(ctx context.Context, central string) (string, error) {
	u, err := url.Parse(central)
	if err != nil {
		return "", fmt.Errorf("find interface: %w", err)
	}
	port := u.Port()
	if port == "" {
		port = "443"
	}
	dialer := net.Dialer{Timeout: dialTimeout}
	c, err := dialer.DialContext(ctx, "udp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return "", fmt.Errorf("find interface: %w", err)
	}
	defer c.Close()
	local, ok := c.LocalAddr().(*net.UDPAddr)
	if !ok {
		return "", fmt.Errorf("find interface: local address is %T", c.LocalAddr())
	}
	all, err := net.Interfaces()
	if err != nil {
		return "", fmt.Errorf("find interface: %w", err)
	}
	for _, i := range all {
		addrs, err := i.Addrs()
		if err != nil {
			continue // it went away
		}
		for _, a := range addrs {
			if n, ok := a.(*net.IPNet); ok && n.IP.Equal(local.IP) {
				return i.Name, nil
			}
		}
	}
	return "", fmt.Errorf("find interface: none has the local address")
}
