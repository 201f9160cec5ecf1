package source

import "golang.org/x/sys/windows"

// connectionReset is the error of a Read after the other side has reset the connection. The system does not know the
// ECONNRESET of package syscall, which Go has made up.
const connectionReset = windows.WSAECONNRESET
