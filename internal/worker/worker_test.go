package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/fxamacker/cbor/v2"
	"go.uber.org/goleak"

	"github.com/enrold/enrold/internal/eid"
)

// TestMain runs this binary as the worker when the supervisor starts it.
func TestMain(m *testing.M) {
	if os.Getenv("ENROLD_TEST_WORKER") == "1" {
		if err := Harden(false); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		if err := Child(context.Background(), testHandlers()); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

func testHandlers() map[string]Handler {
	return map[string]Handler{
		"echo": func(_ context.Context, in cbor.RawMessage, emit func(any) error) (any, error) {
			for i := range 3 {
				if err := emit(i); err != nil {
					return nil, err
				}
			}
			return in, nil
		},
		"fail": func(context.Context, cbor.RawMessage, func(any) error) (any, error) {
			return nil, eid.Fail(eid.CodeNoCard, "read chip", errors.New("slot empty"))
		},
		"wait": func(ctx context.Context, _ cbor.RawMessage, emit func(any) error) (any, error) {
			_ = emit("waiting")
			<-ctx.Done()
			return nil, ctx.Err()
		},
		"hang": func(context.Context, cbor.RawMessage, func(any) error) (any, error) { select {} },
		"dial": func(context.Context, cbor.RawMessage, func(any) error) (any, error) {
			_, err := net.Dial("tcp", "127.0.0.1:9")
			if errors.Is(err, syscall.EPERM) {
				return "forbidden", nil
			}
			return fmt.Sprint(err), nil
		},
	}
}

func start(t *testing.T) *Handle {
	t.Helper()
	t.Setenv("ENROLD_TEST_WORKER", "1")
	h := NewHandle("test", []string{os.Args[0]}, slog.New(slog.DiscardHandler), nil)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { h.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	return h
}

func TestCallWithProgress(t *testing.T) {
	h := start(t)
	var out string
	var progress []int
	err := h.Call(t.Context(), "echo", "Đặng", &out, func(raw cbor.RawMessage) {
		var i int
		if err := cbor.Unmarshal(raw, &i); err != nil {
			t.Error(err)
		}
		progress = append(progress, i)
	})
	if err != nil || out != "Đặng" || len(progress) != 3 || progress[2] != 2 {
		t.Fatalf("out %q progress %v err %v", out, progress, err)
	}
}

func TestTimesKeepTheirFractions(t *testing.T) {
	h := start(t)
	sent := time.Date(2026, 11, 24, 8, 30, 0, 123456789, time.UTC)
	var got time.Time
	if err := h.Call(t.Context(), "echo", sent, &got, nil); err != nil || !got.Equal(sent) {
		t.Fatalf("sent %v, got %v, %v", sent, got, err)
	}
}

func TestFailureKeepsItsCode(t *testing.T) {
	h := start(t)
	err := h.Call(t.Context(), "fail", nil, nil, nil)
	if eid.CodeOf(err) != eid.CodeNoCard || err.Error() != "read chip: E-NO-CARD: slot empty" {
		t.Fatalf("got %v", err)
	}
	if err := h.Call(t.Context(), "nonsense", nil, nil, nil); eid.CodeOf(err) != eid.CodeInternal {
		t.Fatalf("unknown method: %v", err)
	}
}

func TestCancelReachesTheChild(t *testing.T) {
	h := start(t)
	ctx, cancel := context.WithCancel(t.Context())
	began := time.Now()
	err := h.Call(ctx, "wait", nil, nil, func(cbor.RawMessage) { cancel() })
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	if d := time.Since(began); d > grace {
		t.Fatalf("cancel took %v", d)
	}
	if s := h.State(); s.Restarts != 0 {
		t.Fatalf("the child was restarted: %+v", s)
	}
}

func TestKilledChildIsADeviceErrorAndComesBack(t *testing.T) {
	h := start(t)
	var pid int
	err := h.Call(t.Context(), "wait", nil, nil, func(cbor.RawMessage) {
		pid = h.State().PID
		_ = syscall.Kill(pid, syscall.SIGKILL)
	})
	if eid.CodeOf(err) != eid.CodeDeviceRestarted {
		t.Fatalf("got %v", err)
	}
	var out string
	if err := h.Call(t.Context(), "echo", "again", &out, nil); err != nil || out != "again" {
		t.Fatalf("after restart: %q %v", out, err)
	}
	if s := h.State(); s.PID == pid || s.Restarts != 1 || !s.Up {
		t.Fatalf("state %+v, first pid %d", s, pid)
	}
}

// TestStartingChildIsLeftAlone: a child that loads for longer than a call waits
// would never come up if the call's end killed it.
func TestStartingChildIsLeftAlone(t *testing.T) {
	h := start(t)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := h.Call(ctx, "hang", nil, nil, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
	if s := h.State(); s.Restarts != 0 {
		t.Fatalf("state %+v: killed before its first answer", s)
	}
}

func TestHungChildIsKilled(t *testing.T) {
	h := start(t)
	var out string
	if err := h.Call(t.Context(), "echo", "up", &out, nil); err != nil { // it has started
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := h.Call(ctx, "hang", nil, nil, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
	if err := h.Call(t.Context(), "echo", "x", &out, nil); err != nil || out != "x" {
		t.Fatalf("after the kill: %q %v", out, err)
	}
	if s := h.State(); s.Restarts != 1 {
		t.Fatalf("state %+v: the hung child was not replaced", s)
	}
}

func TestChildHasNoNetwork(t *testing.T) {
	if !SandboxSupported() {
		t.Skip("this kernel has no seccomp filter")
	}
	h := start(t)
	var out string
	if err := h.Call(t.Context(), "dial", nil, &out, nil); err != nil || out != "forbidden" {
		t.Fatalf("dial inside the worker: %q %v", out, err)
	}
}

func TestOversizeMessageEndsTheConnection(t *testing.T) {
	a, b := net.Pipe()
	done := make(chan error, 1)
	go func() { done <- Serve(t.Context(), b, nil) }()
	if _, err := a.Write([]byte{0xff, 0xff, 0xff, 0xff}); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err == nil {
		t.Fatal("a message of 4 GiB was accepted")
	}
	a.Close()
	b.Close()
}

// FuzzServe feeds the child's end with arbitrary bytes: it must end, not panic.
func FuzzServe(f *testing.F) {
	body, err := cbor.Marshal(message{Kind: kindCall, ID: 1, Method: "echo", Body: cbor.RawMessage{0x01}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(append([]byte{0, 0, 0, byte(len(body))}, body...))
	f.Add([]byte{0, 0, 0, 1, 0xff})
	f.Fuzz(func(t *testing.T, in []byte) {
		a, b := net.Pipe()
		done := make(chan struct{})
		handlers := testHandlers()
		delete(handlers, "hang")
		go func() { defer close(done); _ = Serve(context.Background(), b, handlers) }()
		go func() {
			buf := make([]byte, 4096)
			for {
				if _, err := a.Read(buf); err != nil {
					return
				}
			}
		}()
		_ = a.SetWriteDeadline(time.Now().Add(time.Second))
		_, _ = a.Write(in)
		a.Close()
		<-done
	})
}
