//go:build !windows

package source

import "syscall"

// connectionReset is the error of a Read after the other side has reset the connection.
const connectionReset = syscall.ECONNRESET
