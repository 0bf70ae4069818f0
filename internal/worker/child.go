package worker

import (
	"context"
	"fmt"
	"net"
	"os"

	seccomp "github.com/elastic/go-seccomp-bpf"
	"golang.org/x/sys/unix"
)

// inherited is the file descriptor that the supervisor hands to its child.
const inherited = 3

// Child is the main loop of a worker process: it serves handlers on the socket
// inherited from the daemon and returns when the daemon closes it or ctx ends.
func Child(ctx context.Context, handlers map[string]Handler) error {
	f := os.NewFile(inherited, "daemon")
	conn, err := net.FileConn(f) // of a copy of the descriptor
	_ = f.Close()
	if err != nil {
		return fmt.Errorf("worker is started by the daemon, not by hand: %w", err)
	}
	return Serve(ctx, conn, handlers)
}

// Harden takes from the process what a worker never needs: core dumps (they
// would hold a person's data) and, unless network is true, the right to make
// network sockets. Unix and netlink sockets stay: pcscd and libusb need them.
// The filter covers every thread of the process. Call it before anything
// untrusted is parsed.
func Harden(network bool) error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return fmt.Errorf("forbid core dumps: %w", err)
	}
	if network {
		return nil
	}
	deny := func(family uint64) seccomp.NameWithConditions {
		return seccomp.NameWithConditions{Name: "socket", Conditions: []seccomp.Condition{{Argument: 0, Operation: seccomp.Equal, Value: family}}}
	}
	filter := seccomp.Filter{
		NoNewPrivs: true,
		Flag:       seccomp.FilterFlagTSync,
		Policy: seccomp.Policy{
			DefaultAction: seccomp.ActionAllow,
			Syscalls: []seccomp.SyscallGroup{
				{Action: seccomp.ActionErrno, NamesWithCondtions: []seccomp.NameWithConditions{
					deny(unix.AF_INET), deny(unix.AF_INET6), deny(unix.AF_PACKET), deny(unix.AF_VSOCK), deny(unix.AF_XDP),
				}},
				{Action: seccomp.ActionErrno, Names: []string{"io_uring_setup"}}, // it makes sockets too
			},
		},
	}
	if err := seccomp.LoadFilter(filter); err != nil {
		return fmt.Errorf("give up network rights: %w", err)
	}
	return nil
}

// SandboxSupported reports whether Harden can take away network rights here.
func SandboxSupported() bool { return seccomp.Supported() }
