// Command keeper is the smallest relay that keeps what exgate promises of a message: the server gets nothing of it
// before the relay has all of it, and a row about it is in a file before the server has all of it. It does
// nothing else. So it shows how fast an APPEND can be at most, where the smallest relay that copies bytes shows
// how fast anything can be. testdata/e2e/bench-peers compares exgate with it.
//
//	keeper -tls-addr HOST:PORT -up HOST:PORT -cert FILE -key FILE -journal FILE [-sync]
package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"flag"
	"io"
	"log"
	"net"
	"os"
	"strconv"
	"sync"
	"sync/atomic"

	"exgate/backend/wire"
)

type options struct {
	addr, up, cert, key, file string
	sync                      bool
}

func main() {
	var o options
	flag.StringVar(&o.addr, "tls-addr", "", "listen here, with TLS")
	flag.StringVar(&o.up, "up", "", "the server, with TLS")
	flag.StringVar(&o.cert, "cert", "", "certificate")
	flag.StringVar(&o.key, "key", "", "its key")
	flag.StringVar(&o.file, "journal", "", "file of the rows")
	flag.BoolVar(&o.sync, "sync", false, "wait until a row is on the disk")
	flag.Parse()
	log.Fatal(serve(o))
}

func serve(o options) error {
	cert, err := tls.LoadX509KeyPair(o.cert, o.key)
	if err != nil {
		return err
	}
	file, err := os.Create(o.file)
	if err != nil {
		return err
	}
	j := &journal{file: file, sync: o.sync, rows: make(chan *row)}
	go j.write() // to the end of the program
	l, err := net.Listen("tcp", o.addr)
	if err != nil {
		return err
	}
	for {
		nc, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer nc.Close()
			client := wire.NewTLS(nc, tls.Server, &tls.Config{Certificates: []tls.Certificate{cert}})
			up, err := net.Dial("tcp", o.up)
			if err != nil {
				return
			}
			server := wire.NewTLS(up, tls.Client, &tls.Config{InsecureSkipVerify: true})
			defer server.Close()
			s := session{client: client, server: server, journal: j, grants: make(chan struct{}, 1)}
			s.run()
		}()
	}
}

// journal writes rows, those of all sessions that wait at once.
type journal struct {
	file *os.File
	sync bool
	rows chan *row
}

type row struct {
	text []byte
	done chan error
}

func (j *journal) write() {
	var text []byte
	for first := range j.rows {
		all := []*row{first}
		for more := true; more; {
			select {
			case r := <-j.rows:
				all = append(all, r)
			default:
				more = false
			}
		}
		text = text[:0]
		for _, r := range all {
			text = append(text, r.text...)
		}
		_, err := j.file.Write(text)
		if err == nil && j.sync {
			err = j.file.Sync()
		}
		for _, r := range all {
			r.done <- err
		}
	}
}

// session relays one connection.
type session struct {
	client, server *wire.TLS
	journal        *journal
	asked          atomic.Bool   // the server is asked for a literal
	grants         chan struct{} // it wants it; closed when it has gone
}

func (s *session) run() {
	var relays sync.WaitGroup
	relays.Go(func() {
		s.replies()
		s.client.Close()
	})
	s.commands()
	s.server.Close()
	relays.Wait()
}

// replies relays what the server says, but for its answer to a literal.
func (s *session) replies() {
	defer close(s.grants)
	buf := make([]byte, 32<<10)
	for {
		n, err := s.server.Read(buf)
		if err != nil {
			return
		}
		if buf[0] == '+' && s.asked.Swap(false) {
			s.grants <- struct{}{}
			continue
		}
		if _, err := s.client.Write(buf[:n]); err != nil {
			return
		}
	}
}

// commands relays what the client says. It answers for the server when the client wants to send a message.
func (s *session) commands() {
	r := bufio.NewReaderSize(s.client, 64<<10)
	written := &row{text: bytes.Repeat([]byte("x"), 400), done: make(chan error)}
	var message []byte
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return
		}
		size, isMessage := literal(line)
		if !isMessage {
			if _, err := s.server.Write(line); err != nil {
				return
			}
			continue
		}
		command := bytes.Clone(line)
		if _, err := s.client.Write([]byte("+ go ahead\r\n")); err != nil {
			return
		}
		if cap(message) < size+2 {
			message = make([]byte, size+2)
		}
		message = message[:size+2]
		if _, err := io.ReadFull(r, message); err != nil {
			return
		}
		s.asked.Store(true)
		if _, err := s.server.Write(command); err != nil { // the server answers while the row is written
			return
		}
		s.journal.rows <- written
		if <-written.done != nil {
			return
		}
		if _, ok := <-s.grants; !ok {
			return
		}
		if _, err := s.server.Write(message); err != nil {
			return
		}
	}
}

// literal returns the size of the message of an APPEND that waits for a grant.
func literal(line []byte) (size int, ok bool) {
	text := bytes.TrimRight(line, "\r\n")
	open := bytes.LastIndexByte(text, '{')
	if open < 0 || !bytes.HasSuffix(text, []byte("}")) || !bytes.Contains(bytes.ToUpper(text), []byte(" APPEND ")) {
		return 0, false
	}
	size, err := strconv.Atoi(string(text[open+1 : len(text)-1]))
	return size, err == nil
}
