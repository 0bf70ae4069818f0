package durability

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"testing"
)

// roleVariable makes this test binary one of the programs under test.
const roleVariable = "ENROLD_DURABILITY"

// order is what a child is told by its environment.
type order struct {
	Role string // "desk", "central"
	Root string // folder of keys and TLS files
	Data string // folder on the disk under test
	Addr string // of the central
	desk
}

func TestMain(m *testing.M) {
	text := os.Getenv(roleVariable)
	if text == "" {
		os.Exit(m.Run())
	}
	var o order
	err := json.Unmarshal([]byte(text), &o)
	if err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		switch o.Role {
		case "desk":
			err = runDesk(ctx, o)
		case "central":
			err = runCentral(ctx, o)
		default:
			err = fmt.Errorf("no role %q", o.Role)
		}
		stop()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, o.Role+":", err)
		os.Exit(1)
	}
}

// times is how often a long test repeats: the environment's word, or short.
func times(t *testing.T, variable string, short int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return short
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s=%q: want a number", variable, text)
	}
	return n
}

// progress shows how far a long test is; the short form says nothing.
func progress(variable, format string, args ...any) {
	if os.Getenv(variable) != "" {
		fmt.Fprintf(os.Stderr, format+"\n", args...)
	}
}
