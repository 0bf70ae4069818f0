// Package pgtest starts a PostgreSQL server of Debian's package for a test: a
// cluster of its own in a temporary folder, on a unix socket, with the durability
// that PostgreSQL has by default.
package pgtest

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ErrMissing says that the package postgresql is not installed.
var ErrMissing = errors.New("PostgreSQL is missing: apt-get install postgresql")

const startWithin = 60 * time.Second

// Server is a running server.
type Server struct {
	URL string // "postgres://…"
	dir string
	cmd *exec.Cmd
	log bytes.Buffer
}

// Start makes a cluster in a new temporary folder and starts its server.
// PostgreSQL refuses to run as root; then it runs as the user "postgres".
func Start() (*Server, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	s := &Server{}
	// Its socket's path may have 107 bytes: a test's own folder is too deep.
	if s.dir, err = os.MkdirTemp("", "enrold-pg-"); err != nil {
		return nil, err
	}
	if err := s.start(bin); err != nil {
		return nil, errors.Join(fmt.Errorf("start PostgreSQL: %w", err), s.Stop())
	}
	return s, nil
}

// programs finds the newest installed version.
func programs() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil || len(found) == 0 {
		return "", ErrMissing
	}
	version := func(p string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(p))))
		return n
	}
	sort.Slice(found, func(i, j int) bool { return version(found[i]) > version(found[j]) })
	return filepath.Dir(found[0]), nil
}

func (s *Server) start(bin string) error {
	attr := &syscall.SysProcAttr{Pdeathsig: syscall.SIGQUIT}
	if os.Getuid() == 0 {
		account, err := user.Lookup("postgres")
		if err != nil {
			return ErrMissing
		}
		uid, _ := strconv.Atoi(account.Uid)
		gid, _ := strconv.Atoi(account.Gid)
		if err := os.Chown(s.dir, uid, gid); err != nil {
			return err
		}
		attr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	data := filepath.Join(s.dir, "data")
	init := exec.Command(filepath.Join(bin, "initdb"), "--no-sync", "--auth=trust", "--username=enrold", "--encoding=UTF8", "--locale=C", "-D", data)
	init.SysProcAttr, init.Dir = attr, s.dir
	if out, err := init.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	s.cmd = exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-k", s.dir, "-h", "", "-c", "max_connections=100")
	s.cmd.SysProcAttr, s.cmd.Dir = attr, s.dir
	s.cmd.Stdout, s.cmd.Stderr = &s.log, &s.log
	if err := s.cmd.Start(); err != nil {
		return err
	}
	u := url.URL{Scheme: "postgres", User: url.User("enrold"), Path: "/postgres", RawQuery: url.Values{"host": {s.dir}}.Encode()}
	s.URL = u.String()
	ready := filepath.Join(bin, "pg_isready")
	for end := time.Now().Add(startWithin); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if exec.Command(ready, "-q", "-h", s.dir).Run() == nil {
			return nil
		}
	}
	return errors.New("not ready: " + strings.TrimSpace(s.log.String()))
}

// PID is the postmaster's.
func (s *Server) PID() int { return s.cmd.Process.Pid }

// Stop ends the server and removes its folder.
func (s *Server) Stop() error {
	var err error
	if s.cmd != nil && s.cmd.Process != nil {
		_ = s.cmd.Process.Signal(syscall.SIGINT) // fast shutdown
		err = s.cmd.Wait()
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}
