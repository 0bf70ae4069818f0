package control

import (
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"
)

func TestSendReachesHandler(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		done <- Serve(l, func(c Command) error {
			if c.Do != "sit" || c.Person != 3 {
				return errors.New("nobody there")
			}
			return nil
		})
	}()
	if err := Send(path, Command{Do: "sit", Person: 3}); err != nil {
		t.Fatal(err)
	}
	if err := Send(path, Command{Do: "fly"}); err == nil || !strings.Contains(err.Error(), "nobody there") {
		t.Fatalf("refused command: %v", err)
	}
	l.Close()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if err := Send(path, Command{Do: "sit"}); err == nil {
		t.Fatal("a dead emulator answered")
	}
}
