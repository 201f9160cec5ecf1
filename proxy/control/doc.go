// Package control is the way in which an operator looks at a running gateway and steers it: HTTP with JSON over a Unix
// socket in state_dir. The socket has the mode 0600. On Linux and macOS the server also asks the system who has
// connected, and answers only the user that exgate runs as, and root. Package proxy has the gateway; cmd/exgate has the
// commands that use the client.
package control
