package control

import "golang.org/x/sys/windows"

// connectionRefused is the error of a socket that nobody listens on. The system does not know the ECONNREFUSED of
// package syscall, which Go has made up.
const connectionRefused = windows.WSAECONNREFUSED
