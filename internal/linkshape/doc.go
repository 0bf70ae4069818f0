// Package linkshape makes weak links for tests: real IP packets between real
// network namespaces, carried by a program that gives them a rate, a delay, a
// loss and cuts. The kernel's own TCP runs at both ends, so that what a test
// measures is what TCP makes of such a link. (netem does the same inside the
// kernel; many kernels are built without it, while TUN devices are everywhere.)
//
// It needs Linux and the rights to make namespaces and TUN devices (root in a
// container with CAP_NET_ADMIN and CAP_SYS_ADMIN). Only tests import it.
package linkshape
