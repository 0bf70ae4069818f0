package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/enrold/enrold/hw/emu/icc/icctest"
)

const (
	withoutRights        = "without-rights" // value of asProgram
	systemFolderVariable = "ENROLD_TEST_SYSTEM_FOLDER"
)

// dropRights makes this process the program on a host that refuses namespaces:
// it gives up CAP_SYS_ADMIN for good and executes the test binary anew. It
// already runs in namespaces, so that folder can stand in for the host's
// /run/pcscd.
func dropRights(folder string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount(folder, systemFolder, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("bind folder: %w", err)
	}
	if err := raiseLoopback(); err != nil {
		return err
	}
	runtime.LockOSThread() // capabilities are the thread's
	if err := unix.Prctl(unix.PR_CAPBSET_DROP, unix.CAP_SYS_ADMIN, 0, 0, 0); err != nil {
		return fmt.Errorf("drop capability: %w", err)
	}
	if err := os.Setenv(asProgram, "1"); err != nil {
		return fmt.Errorf("set environment: %w", err)
	}
	return unix.Exec("/proc/self/exe", os.Args, os.Environ())
}

// TestWithoutNamespaces serves the card on the plain host.
func TestWithoutNamespaces(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can play a host that refuses namespaces")
	}
	if err := os.MkdirAll(systemFolder, 0o755); err != nil {
		t.Skipf("no %s: %v", systemFolder, err)
	}
	folder := t.TempDir()
	d := prepare(t, "--person", "0")
	d.cmd.Env = append(d.cmd.Env, asProgram+"="+withoutRights, systemFolderVariable+"="+folder)
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: unix.CLONE_NEWNS | unix.CLONE_NEWNET}
	d.launch(t, filepath.Join(folder, "pcscd.comm"))
	if to, err := os.Readlink(filepath.Join(d.run, "pcscd", "pcscd.comm")); err != nil || to != systemFolder+"/pcscd.comm" {
		t.Errorf("the run folder's socket leads to %q, %v", to, err)
	}
	_, card := connect(t)
	terminal := &icctest.Terminal{Transmit: card.Transmit}
	if _, sw, err := terminal.Plain(icctest.SelectApplication...); err != nil || sw != 0x9000 {
		t.Errorf("select: %04X, %v", sw, err)
	}
	d.stdin.Close()
	if err := d.cmd.Wait(); err != nil {
		t.Errorf("end: %v", err)
	}
	for _, left := range []string{d.run, folder} {
		if files, err := os.ReadDir(left); err != nil || len(files) > 0 {
			t.Errorf("%v left behind (%v)", files, err)
		}
	}
}

func TestLongRunFolder(t *testing.T) {
	_, _, err := parse([]string{"--photos", "/x", "--run-dir", "/" + strings.Repeat("d", 90)})
	if err == nil || !strings.Contains(err.Error(), "--run-dir") {
		t.Errorf("a socket path of over 107 bytes gives %v", err)
	}
}
