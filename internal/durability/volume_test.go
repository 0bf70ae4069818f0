package durability

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

const (
	hostBytes = "1500M" // the btrfs that holds the disks; sparse
	diskBytes = "300M"
)

// lab is a btrfs in a file, mounted through a loop device. Disks are files in it:
// a clone of such a file is a picture of one moment, whatever is written while it
// is taken, and that is what a power cut leaves.
type lab struct {
	t   *testing.T
	dir string // mount point
}

// newLab skips the test where this machine cannot mount: no right, no loop
// device, no btrfs.
func newLab(t *testing.T) *lab {
	t.Helper()
	for _, program := range []string{"mkfs.btrfs", "mkfs.ext4", "mount", "umount"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("power cuts not tried: %s is missing (make setup installs it)", program)
		}
	}
	if os.Geteuid() != 0 {
		t.Skip("power cuts not tried: mounting needs root")
	}
	if _, err := os.Stat("/dev/loop-control"); err != nil {
		t.Skip("power cuts not tried: this machine has no loop devices (/dev/loop-control)")
	}
	folder := t.TempDir()
	file := filepath.Join(folder, "host.img")
	l := &lab{t: t, dir: filepath.Join(folder, "host")}
	for _, c := range [][]string{{"truncate", "-s", hostBytes, file}, {"mkfs.btrfs", "-q", file}, {"mkdir", l.dir}} {
		if err := run(c...); err != nil {
			t.Fatal(err)
		}
	}
	if err := run("mount", "-o", "loop,noatime", file, l.dir); err != nil {
		t.Skipf("power cuts not tried: no btrfs over a loop device here: %v", err)
	}
	t.Cleanup(func() {
		if err := run("umount", l.dir); err != nil {
			t.Error(err)
		}
	})
	return l
}

// disk is an ext4 file system in a file of the lab, mounted through a loop device.
type disk struct {
	l    *lab
	file string
	dir  string // mount point
}

// newDisk makes a disk with an empty file system and mounts it.
func (l *lab) newDisk(name string) *disk {
	l.t.Helper()
	d := &disk{l: l, file: filepath.Join(l.dir, name+".img"), dir: filepath.Join(filepath.Dir(l.dir), name)}
	for _, c := range [][]string{
		{"truncate", "-s", diskBytes, d.file}, {"mkfs.ext4", "-q", "-E", "lazy_itable_init=0,lazy_journal_init=0", d.file}, {"mkdir", d.dir},
	} {
		if err := run(c...); err != nil {
			l.t.Fatal(err)
		}
	}
	d.mount()
	l.t.Cleanup(func() {
		if d.dir != "" {
			_ = run("umount", d.dir)
		}
	})
	return d
}

func (d *disk) mount() {
	d.l.t.Helper()
	if err := run("mount", "-o", "loop,noatime", d.file, d.dir); err != nil {
		d.l.t.Fatal(err)
	}
}

// picture takes what is on the disk at this moment: `cp --reflink=always`.
func (d *disk) picture() string {
	d.l.t.Helper()
	name := d.file + ".cut"
	if err := clone(d.file, name); err != nil {
		d.l.t.Fatalf("take picture of disk: %v", err)
	}
	return name
}

func clone(from, to string) (err error) {
	src, err := os.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := os.Create(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dst.Close()) }()
	return unix.IoctlFileClone(int(dst.Fd()), int(src.Fd()))
}

// bootFrom puts the picture in the disk's place: the machine comes up again. The
// file system replays its journal as it is mounted.
func (d *disk) bootFrom(picture string) {
	d.l.t.Helper()
	if err := run("umount", d.dir); err != nil {
		d.l.t.Fatal(err)
	}
	if err := os.Rename(picture, d.file); err != nil {
		d.l.t.Fatal(err)
	}
	d.mount()
}

func run(args ...string) error {
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return nil
}
