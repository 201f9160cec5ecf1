//go:build !windows

package control

import "syscall"

// connectionRefused is the error of a socket that nobody listens on.
const connectionRefused = syscall.ECONNREFUSED
