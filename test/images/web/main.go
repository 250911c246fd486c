// Copyright The clusterdns Authors
// SPDX-License-Identifier: Apache-2.0

// Command web says over HTTP who it is and who asks, and echoes what it gets
// over TCP and UDP: tests see by it that traffic arrives where a name led.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

const about = `Usage: web [flags]

Answers each HTTP request with lines of text:

  name: POD_NAME of the environment, else the name of the host
  addresses: its own, sorted
  client: address and port of who asks
  host: what the client calls it

/healthz says ok, and 503 once the program is told to end. --echo sends back
what comes over TCP and UDP. After SIGTERM requests are answered for --linger,
and those that are under way to their end.

Flags:
`

func main() {
	port := flag.Int("port", 8080, "`port` of HTTP")
	echo := flag.Int("echo", 7777, "`port` that echoes TCP and UDP")
	linger := flag.Duration("linger", 0, "how `long` to answer after SIGTERM")
	flag.Usage = func() {
		fmt.Fprint(os.Stderr, about)
		flag.PrintDefaults()
	}
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends it at once
	if err := serve(ctx, *port, *echo, *linger); err != nil {
		fmt.Fprintf(os.Stderr, "error: %v\n", err)
		os.Exit(1)
	}
}

// serve serves until ctx ends, and for linger after that.
func serve(ctx context.Context, port, echo int, linger time.Duration) error {
	http1, err := listen(port)
	if err != nil {
		return err
	}
	tcp, err := listen(echo)
	if err != nil {
		return err
	}
	defer tcp.Close()
	udp, err := net.ListenPacket("udp", tcp.Addr().String())
	if err != nil {
		return fmt.Errorf("listening for UDP: %w", err)
	}
	defer udp.Close()
	go echoTCP(tcp)
	go echoUDP(udp)

	var ending atomic.Bool
	server := &http.Server{Handler: handler(&ending), ReadHeaderTimeout: 10 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(http1) }()
	fmt.Printf("http on %s, echo on %s\n", http1.Addr(), tcp.Addr())
	select {
	case err := <-failed:
		return fmt.Errorf("serving HTTP: %w", err)
	case <-ctx.Done():
	}
	ending.Store(true)
	time.Sleep(linger)
	end, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return server.Shutdown(end)
}

func listen(port int) (net.Listener, error) {
	l, err := net.Listen("tcp", ":"+strconv.Itoa(port))
	if err != nil {
		return nil, fmt.Errorf("listening: %w", err)
	}
	return l, nil
}

func handler(ending *atomic.Bool) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		if ending.Load() {
			http.Error(w, "ending", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprintf(w, "name: %s\naddresses: %s\nclient: %s\nhost: %s\n", name(), strings.Join(addresses(), " "), r.RemoteAddr, r.Host)
	})
	return mux
}

func name() string {
	if name := os.Getenv("POD_NAME"); name != "" {
		return name
	}
	host, _ := os.Hostname() // empty is an answer too
	return host
}

// addresses returns those that others can reach.
func addresses() []string {
	all, _ := net.InterfaceAddrs() // none is an answer too
	var texts []string
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() {
			texts = append(texts, n.IP.String())
		}
	}
	slices.Sort(texts)
	return texts
}

func echoTCP(l net.Listener) {
	for {
		c, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		go func() {
			defer c.Close()
			text := make([]byte, 64<<10)
			for {
				_ = c.SetDeadline(time.Now().Add(time.Minute))
				n, err := c.Read(text)
				if err != nil {
					return
				}
				if _, err := c.Write(text[:n]); err != nil {
					return
				}
			}
		}()
	}
}

func echoUDP(p net.PacketConn) {
	text := make([]byte, 64<<10)
	for {
		n, from, err := p.ReadFrom(text)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			_, _ = p.WriteTo(text[:n], from) // who sent it may be gone
		}
	}
}
