package icc

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/enrold/enrold/hw/emu/lds"
)

// Fault is something wrong with a card that the desk must notice. N is the
// number of a command since the card was powered, from one.
type Fault struct {
	Usage   string
	Meaning string
}

// Faults lists what Options.Fault and the insert command understand: faults of
// the content and of the behaviour.
func Faults() []Fault {
	var out []Fault
	for _, d := range lds.Damages() {
		out = append(out, Fault{d.Name, d.Meaning})
	}
	return append(out,
		Fault{"sw@N=XXXX", "command N is answered with this status word, protected where a session is open"},
		Fault{"plain-sw@N=XXXX", "command N is answered with this status word in plain, which ends a session"},
		Fault{"removal@N", "the card is pulled instead of answering command N"},
		Fault{"sm-mac-error@N", "the checksum of answer N is wrong"},
		Fault{"slow=MS", "every command takes this many milliseconds more, at most 10000"},
		Fault{"le-6cxx", "READ BINARY gives at most 224 bytes and wants the exact length, which 6Cxx tells"},
		Fault{"more-61xx", "answers of more than 128 bytes are fetched with GET RESPONSE"},
		Fault{"pace-fails", "PACE is refused; basic access control works after the application is selected again"},
		Fault{"tries=N", "both passwords of PACE have a retry counter of N; 0 means blocked"},
	)
}

// faults is how the card misbehaves.
type faults struct {
	protected, plain map[int]uint16 // status words by command
	removal, mac     int            // command number, 0 for never
	slow             time.Duration
	exact, pieces    bool // le-6cxx, more-61xx
	paceFails        bool
	tries            int // -1: no counter
}

const (
	longestDelay = 10 * time.Second
	exactLimit   = 224
	pieceLimit   = 128
)

// parseFaults reads a list separated by commas. Names of damages to the content
// come back apart.
func parseFaults(list string) (f faults, damages []string, err error) {
	f = faults{protected: map[int]uint16{}, plain: map[int]uint16{}, tries: -1}
	for one := range strings.SplitSeq(list, ",") {
		if one == "" {
			continue
		}
		if slices.ContainsFunc(lds.Damages(), func(d lds.Damage) bool { return d.Name == one }) {
			damages = append(damages, one)
			continue
		}
		if err := f.set(one); err != nil {
			return f, nil, fmt.Errorf("card fault %q: %w", one, err)
		}
	}
	return f, damages, nil
}

func (f *faults) set(one string) error {
	head, value, hasValue := strings.Cut(one, "=")
	name, at, hasAt := strings.Cut(head, "@")
	n := 0
	if hasAt {
		var err error
		if n, err = strconv.Atoi(at); err != nil || n < 1 {
			return fmt.Errorf("command number %q", at)
		}
	}
	switch {
	case (name == "sw" || name == "plain-sw") && hasAt && hasValue:
		sw, err := strconv.ParseUint(value, 16, 16)
		if err != nil {
			return fmt.Errorf("status word %q", value)
		}
		if name == "sw" {
			f.protected[n] = uint16(sw)
		} else {
			f.plain[n] = uint16(sw)
		}
	case name == "removal" && hasAt && !hasValue:
		f.removal = n
	case name == "sm-mac-error" && hasAt && !hasValue:
		f.mac = n
	case name == "slow" && hasValue && !hasAt:
		ms, err := strconv.Atoi(value)
		if f.slow = time.Duration(ms) * time.Millisecond; err != nil || f.slow < 0 || f.slow > longestDelay {
			return fmt.Errorf("delay %q", value)
		}
	case name == "tries" && hasValue && !hasAt:
		left, err := strconv.Atoi(value)
		if f.tries = left; err != nil || left < 0 || left > 15 {
			return fmt.Errorf("number of tries %q", value)
		}
	case one == "le-6cxx":
		f.exact = true
	case one == "more-61xx":
		f.pieces = true
	case one == "pace-fails":
		f.paceFails = true
	default:
		return fmt.Errorf("unknown; there are %s", usages())
	}
	return nil
}

func usages() string {
	var names []string
	for _, f := range Faults() {
		names = append(names, f.Usage)
	}
	return strings.Join(names, ", ")
}
