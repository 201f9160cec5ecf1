package main

import "time"

// monotonic is not asked on Windows, which has no systemd.
func monotonic() time.Duration { return 0 }
